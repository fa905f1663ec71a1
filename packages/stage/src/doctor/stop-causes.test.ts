import { expect, it } from "vitest";
import { causeInLog, causeOfStop } from "./stop-causes.ts";

const CONTEXT = { stage: "prod", region: "eu-central-1", subject: "agent app" };

// Reasons of the pages about stopped tasks and service events in the ECS Developer Guide.
it.each([
  [
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ghcr.io/dbward-dev/dbward-agent:9.9.9: ghcr.io/dbward-dev/dbward-agent:9.9.9: not found",
    "image-missing",
  ],
  [
    "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: dial tcp 1.2.3.4:443: i/o timeout",
    "no-way-out",
  ],
  [
    "CannotPullContainerError: inspect image has been retried 1 time(s): toomanyrequests: Too Many Requests. You have reached your pull rate limit",
    "image-rate-limited",
  ],
  [
    "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration. failed to fetch secret: operation error Secrets Manager: GetSecretValue, context deadline exceeded",
    "no-way-out",
  ],
  [
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    "secret-missing",
  ],
  [
    "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/x is not authorized to perform: secretsmanager:GetSecretValue",
    "secret-denied",
  ],
  [
    'ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve "fs-0123456789abcdef0.efs.eu-central-1.amazonaws.com"',
    "file-system-unreachable",
  ],
  ["OutOfMemoryError: Container killed due to memory usage", "out-of-memory"],
  [
    "(service server) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.",
    "quota-reached",
  ],
  [
    "(service server) was unable to place a task. Reason: Capacity is unavailable at this time.",
    "no-capacity",
  ],
])("finds the cause in ECS's words: %s", (reason, code) => {
  expect(causeOfStop(reason, CONTEXT)?.code).toBe(code);
});

it.each([
  "Essential container in task exited; container agent: exit code 1",
  "Task failed container health checks",
])("leaves the cause to the log for: %s", (reason) => {
  expect(causeOfStop(reason, CONTEXT)).toBeUndefined();
});

// What dbward 0.2.0 printed when it was started with such a mistake.
it.each([
  ["Error: config: : undefined environment variable: \u0024{NOPE}", "config-variable-unset"],
  [
    "Error loading config: config error: : undefined environment variable: \u0024{NOPE}",
    "config-variable-unset",
  ],
  ["fatal: failed to load config 'c.toml': c.toml: TOML parse error at line 3, column 3", "config-refused"],
  ["Error: validation: database name: database name must start with a lowercase letter", "config-refused"],
  ["Error: validation: webhook 'x': validation: cannot resolve host: nosuch.invalid", "webhook-host-unknown"],
  ["Error: bootstrap token file(s) missing: /data/agent-token", "bootstrap-files-missing"],
  ["Error: internal: license key verification failed: invalid format", "license-refused"],
  ["Error: Permission denied (os error 13)", "state-not-writable"],
  ['Agent error: server error: 401 {"error":"authentication failed","code":"unauthorized"}', "token-refused"],
  ["Agent error: driver error: unsupported URL scheme: mongo://x", "database-url-invalid"],
  [
    'startup blocked, retrying phase="startup" target="database:app/production" attempt=1 error=driver error: connection failed: pool timed out while waiting for an open connection',
    "database-unreachable",
  ],
  [
    'startup blocked, retrying phase="startup" target="database:app/production" attempt=1 error=driver error: connection failed: error communicating with database: failed to lookup address information: Name or service not known',
    "database-host-unknown",
  ],
  [
    'startup blocked, retrying phase="startup" target="database:app/production" attempt=1 error=driver error: connection failed: error returned from database: database "nosuch" does not exist',
    "database-unknown",
  ],
  [
    'startup blocked, retrying phase="startup" target="server" attempt=1 error=HTTP error: error sending request for url (http://server:3000/api/public-key)',
    "server-unreachable",
  ],
  ["fatal: server URL uses HTTP (http://server.example.com:3000).", "config-refused"],
])("finds the cause in dbward's words: %s", (line, code) => {
  const lines = ["INFO dbward_agent::runner: starting agent", line, "WARN something else"];
  expect(causeInLog(lines, CONTEXT)).toMatchObject({ code, line });
});

it("finds nothing in the log of a healthy agent", () => {
  const lines = [
    "INFO dbward_agent::runner::startup: public key fetched",
    'INFO dbward_agent::runner::startup: connected database="app" environment="production"',
    "INFO dbward_agent::runner::startup: initial poll successful, token valid",
  ];
  expect(causeInLog(lines, CONTEXT)).toBeUndefined();
});
