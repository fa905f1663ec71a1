import { SERVER } from "@dbward-aws/contract";

/** A cause that a message of AWS or of dbward names, and what to do about it. */
export interface Cause {
  readonly code: string;
  /** The cause, as a sentence. */
  readonly problem: string;
  readonly remedy: string;
}

/** What a remedy can name. */
export interface CauseContext {
  readonly stage: string;
  readonly region: string;
  /** `server` or `agent NAME`. */
  readonly subject: string;
}

type Rule = readonly [pattern: RegExp, cause: (context: CauseContext) => Cause];

/** The way out of a task's subnet, which pulls, secrets and logs all need. */
const WAY_OUT =
  "Give the subnets of its tasks a way out: a NAT gateway, a public address, or the VPC endpoints of ECR, Secrets Manager, " +
  "SSM, S3 and CloudWatch Logs";

/**
 * Reasons with which ECS stops a task or reports that it can't start one, most specific first.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
 */
const ECS_RULES: readonly Rule[] = [
  [
    /CannotPull\w*.*(?:not found|manifest unknown|does not exist)/is,
    () => ({
      code: "image-missing",
      problem: "The image or its tag doesn't exist.",
      remedy: "Correct `image` in dbward.config.ts, or push the image, and deploy again",
    }),
  ],
  [
    /(?:CannotPull\w*|pulling image).*(?:toomanyrequests|rate limit)/is,
    () => ({
      code: "image-rate-limited",
      problem: "The image's registry refuses further pulls for now.",
      remedy: "Wait, or name an image in ECR, such as one of a pull-through cache",
    }),
  ],
  [
    /(?:CannotPull\w*|retrieve ecr registry auth).*(?:denied|forbidden|unauthorized|no basic auth|AccessDenied|403)/is,
    () => ({
      code: "image-denied",
      problem: "The image's registry refuses the task's execution role.",
      remedy: "Admit the execution role in the repository's policy, or make the image public",
    }),
  ],
  [
    /(?:CannotPull\w*|retrieve ecr registry auth).*(?:timeout|timed out|deadline exceeded|connection refused|no route|network)/is,
    () => ({
      code: "no-way-out",
      problem: "The task can't reach the registry of its image.",
      remedy: WAY_OUT,
    }),
  ],
  [
    /CannotPull/i,
    () => ({
      code: "image-pull-failed",
      problem: "The image can't be pulled.",
      remedy: "Read ECS's reason; the image is the one named in dbward.config.ts",
    }),
  ],
  [
    /(?:secret|ssm|parameter|secretsmanager).*(?:ResourceNotFound|ParameterNotFound|invalid parameters|can't find)/is,
    () => ({
      code: "secret-missing",
      problem: "A secret or parameter of the task doesn't exist, or has no value.",
      remedy: "Create it with a value, then run: pnpm ops restart",
    }),
  ],
  [
    /kms.*(?:AccessDenied|DisabledException|not authorized|KMSInvalidState|pending deletion)/is,
    () => ({
      code: "key-denied",
      problem: "The execution role can't use the KMS key of a secret, a parameter or the log.",
      remedy: "Allow the execution role kms:Decrypt in the key's policy, and enable the key",
    }),
  ],
  [
    /(?:secret|ssm|parameter).*(?:AccessDenied|not authorized)/is,
    () => ({
      code: "secret-denied",
      problem: "The execution role may not read a secret or parameter of the task.",
      remedy:
        "Admit the execution role in the secret's resource policy, or deploy again to restore the role's policy",
    }),
  ],
  [
    /(?:secret|ssm|parameter).*(?:did not contain json key|invalid character|cannot unmarshal)/is,
    () => ({
      code: "secret-not-json",
      problem: "A secret lacks the JSON key that the task names.",
      remedy: "Store JSON with that key, or name another key in dbward.config.ts",
    }),
  ],
  [
    /(?:secret|ssm|parameter).*(?:timeout|timed out|deadline exceeded|RequestError|connection)/is,
    () => ({
      code: "no-way-out",
      problem: "The task can't reach Secrets Manager or SSM.",
      remedy: WAY_OUT,
    }),
  ],
  [
    /(?:EFS|fs-[0-9a-f]+|mount).*(?:access point|accesspoint|access denied|denied by server)/is,
    () => ({
      code: "file-system-denied",
      problem: "The task's role may not mount the file system.",
      remedy: "Admit the task role in the file system's policy; `pnpm ops preflight` shows what is missing",
    }),
  ],
  [
    /(?:invoke EFS utils|EFS|fs-[0-9a-f]{8,}|mount\.nfs4)/i,
    () => ({
      code: "file-system-unreachable",
      problem: "The task can't mount the file system.",
      remedy:
        "Check that the task's availability zone has a mount target whose security group admits port 2049 from the server, and " +
        "that the VPC has enableDnsSupport and enableDnsHostnames",
    }),
  ],
  [
    /(?:logger|log group|awslogs|log stream).*/is,
    () => ({
      code: "log-failed",
      problem: "The task can't write its log.",
      remedy: "Deploy again to create the log group, and check the way to CloudWatch Logs",
    }),
  ],
  [
    /OutOfMemory|out of memory/i,
    () => ({
      code: "out-of-memory",
      problem: "The container needed more memory than its task has.",
      remedy: "Raise `memory` in dbward.config.ts and deploy",
    }),
  ],
  [
    /number of vCPUs|vCPU limit|vcpu.*quota|ResourceCountExceeded/i,
    ({ region }) => ({
      code: "quota-reached",
      problem: "The account's quota of Fargate vCPUs is used up.",
      remedy: `Run: aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 --desired-value 16 --region ${region}`,
    }),
  ],
  [
    /insufficient free (?:IP )?addresses|InsufficientFreeAddresses|not enough (?:free )?IP/i,
    () => ({
      code: "subnet-full",
      problem: "A subnet of the tasks has no free address.",
      remedy: "Free addresses, or name larger subnets in `network` of dbward.config.ts",
    }),
  ],
  [
    /Timeout waiting for network interface|eni.*(?:failed|limit)|network interface/i,
    () => ({
      code: "network-interface-failed",
      problem: "AWS could not attach the task's network interface.",
      remedy: "Wait, ECS tries again. If it persists, check the quota of network interfaces of the region",
    }),
  ],
  [
    /Capacity is unavailable|unable to place/i,
    () => ({
      code: "no-capacity",
      problem: "Fargate has no capacity for the task in its availability zones now.",
      remedy: "Wait, ECS tries again; or name subnets in further availability zones",
    }),
  ],
  [
    /unable to assume the (?:service linked )?role|service-linked role/i,
    () => ({
      code: "role-missing",
      problem: "ECS can't assume a role that the service needs.",
      remedy:
        "Run: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com, then deploy again",
    }),
  ],
];

/** The cause that one of ECS's reasons names. */
export function causeOfStop(reason: string, context: CauseContext): Cause | undefined {
  return ECS_RULES.find(([pattern]) => pattern.test(reason))?.[1](context);
}

const restart = ({ stage, subject }: CauseContext) => `pnpm ops restart ${subject} --stage ${stage}`;

/**
 * Lines with which dbward 0.2.0 says why it can't run, as its programs print them, most specific first.
 */
const LOG_RULES: readonly Rule[] = [
  [
    /undefined environment variable: \$\{?(\w*)/,
    () => ({
      code: "config-variable-unset",
      problem: "The configuration names an environment variable that the task doesn't have.",
      remedy: "Add the variable in dbward.config.ts, or remove it from the TOML file, also from its comments",
    }),
  ],
  [
    /TOML parse error|failed to load config|Error loading config|^Error: config:|is no longer supported/m,
    () => ({
      code: "config-refused",
      problem: "dbward refuses its configuration.",
      remedy: "Correct the TOML file at the place that the line names, and deploy",
    }),
  ],
  [
    /bootstrap token file\(s\) missing|--force-bootstrap/,
    ({ stage }) => ({
      code: "bootstrap-files-missing",
      problem: "The server's state has tokens, and their files are missing.",
      remedy: `Restore the file system, or make new tokens as docs/capture.md describes, for stage ${stage}`,
    }),
  ],
  [
    /license key verification failed|license.*(?:expired|invalid)/i,
    () => ({
      code: "license-refused",
      problem: "The server refuses its licence key.",
      remedy: "Store a valid key in the secret of the licence, or remove the setting, and restart the server",
    }),
  ],
  [
    /cannot resolve host/,
    () => ({
      code: "webhook-host-unknown",
      problem: "The host of a webhook can't be resolved, which the server requires at its start.",
      remedy: "Correct the webhook's URL in server.toml, or the name servers of the VPC, and deploy",
    }),
  ],
  [
    /^Error: validation: /m,
    () => ({
      code: "config-refused",
      problem: "The server refuses a value of server.toml.",
      remedy: "Correct server.toml as the line says, and deploy",
    }),
  ],
  [
    /password authentication failed|Access denied for user|authentication failed for user/i,
    (context) => ({
      code: "database-password-refused",
      problem: "The database refuses the user or password of the agent's URL.",
      remedy: `Correct the secret with the database URL, then run: ${restart(context)}`,
    }),
  ],
  [
    /error returned from database: database\b.* does not exist|Unknown database/,
    (context) => ({
      code: "database-unknown",
      problem: "The database server has no database of the name in the agent's URL.",
      remedy: `Correct the secret with the database URL, then run: ${restart(context)}`,
    }),
  ],
  [
    /target="?database[^\n]*failed to lookup address|connection failed[^\n]*failed to lookup address/,
    (context) => ({
      code: "database-host-unknown",
      problem: "The host in the agent's database URL can't be resolved.",
      remedy: `Correct the host in the secret, or the DNS of the VPC, then run: ${restart(context)}`,
    }),
  ],
  [
    /unsupported URL scheme/,
    (context) => ({
      code: "database-url-invalid",
      problem: "The agent's database URL doesn't begin with postgres:// or mysql://.",
      remedy: `Store the URL alone in the secret, or name its JSON key, then run: ${restart(context)}`,
    }),
  ],
  [
    /target="?database|pool timed out while waiting|connection failed/,
    () => ({
      code: "database-unreachable",
      problem: "The agent can't connect to its database.",
      remedy:
        "Check host and port of the database URL, and that the database's security group admits the agent's " +
        "(`database.securityGroupId` in dbward.config.ts adds the rule)",
    }),
  ],
  [
    /server error: 401|"unauthorized"|authentication failed/,
    ({ stage, subject }) => ({
      code: "token-refused",
      problem: "The server refuses the agent's token.",
      remedy: `Follow docs/runbooks/token-refused.md. The token's state: pnpm ops tokens --stage ${stage} (${subject})`,
    }),
  ],
  [
    /target="?server|error sending request for url/,
    ({ stage }) => ({
      code: "server-unreachable",
      problem: "The agent can't reach the server.",
      remedy: `Check that the server runs: pnpm ops status --stage ${stage}; its security group must admit port ${SERVER.port} from the agent`,
    }),
  ],
  [
    /server URL uses HTTP/,
    () => ({
      code: "config-refused",
      problem: "The agent refuses a server URL without TLS outside of private names.",
      remedy: "Use the server's private name in agent.toml, such as http://server:3000, and deploy",
    }),
  ],
  [
    /health-probe|object_store|AccessDenied.*s3/i,
    () => ({
      code: "bucket-unreachable",
      problem: "The server can't reach the bucket of the results.",
      remedy:
        "Check that the bucket exists, that the task role may use it, and the way to S3 (gateway endpoint or NAT)",
    }),
  ],
  [
    /Permission denied \(os error 13\)|unable to open database file|readonly database/,
    () => ({
      code: "state-not-writable",
      problem: "The server can't write its state directory.",
      remedy: "Check the owner of the file system's access point: user and group 10001",
    }),
  ],
];

/** The cause that lines of dbward's log name, and the line that shows it. */
export function causeInLog(
  lines: readonly string[],
  context: CauseContext,
): (Cause & { readonly line: string }) | undefined {
  for (const [pattern, cause] of LOG_RULES) {
    // The last one: earlier lines may tell of what has passed.
    const line = lines.findLast((text) => pattern.test(text));
    if (line !== undefined) return { ...cause(context), line };
  }
  return undefined;
}
