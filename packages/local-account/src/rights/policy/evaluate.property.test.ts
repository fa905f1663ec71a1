import { runSimulation } from "@cloud-copilot/iam-simulate";
import fc from "fast-check";
import { expect, it } from "vitest";
import { evaluate, type PolicyDocument, type Verdict } from "./index.ts";
import type { Statement } from "./policy-document.ts";

const ACCOUNT = "123456789012";

/** A policy variable, as it stands in a policy. */
const variable = (name: string) => `$\{${name}}`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/capture`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/capture/session`;

/** Requests with a resource and the condition keys that its action knows. */
const REQUESTS = [
  { action: "s3:GetObject", resource: "arn:aws:s3:::results/a/b.json" },
  { action: "s3:PutObject", resource: "arn:aws:s3:::results/session/x" },
  { action: "s3:ListBucket", resource: "arn:aws:s3:::results", keys: { "s3:prefix": "results/" } },
  {
    action: "secretsmanager:GetSecretValue",
    resource: `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:dbward/admin-AbCdEf`,
    keys: { "secretsmanager:VersionStage": "AWSCURRENT" },
  },
  {
    action: "ecs:DescribeTasks",
    resource: `arn:aws:ecs:us-east-1:${ACCOUNT}:task/dbward/0123`,
    keys: { "ecs:cluster": `arn:aws:ecs:us-east-1:${ACCOUNT}:cluster/dbward` },
  },
  {
    action: "ecs:ExecuteCommand",
    resource: `arn:aws:ecs:us-east-1:${ACCOUNT}:task/dbward/0123`,
    keys: {
      "ecs:cluster": `arn:aws:ecs:us-east-1:${ACCOUNT}:cluster/dbward`,
      "ecs:container-name": "server",
    },
  },
  {
    action: "logs:GetLogEvents",
    resource: `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:/dbward/server:log-stream:server/server/0123`,
  },
  {
    action: "elasticfilesystem:ClientMount",
    resource: `arn:aws:elasticfilesystem:us-east-1:${ACCOUNT}:file-system/fs-0123`,
    keys: {
      "elasticfilesystem:AccessPointArn": `arn:aws:elasticfilesystem:us-east-1:${ACCOUNT}:access-point/fsap-0123`,
    },
  },
] as const;

const GLOBAL_KEYS = {
  "aws:SecureTransport": ["true", "false"],
  "aws:PrincipalArn": [ROLE],
  "aws:PrincipalAccount": [ACCOUNT],
  "aws:username": ["a*b", "capture", "session"],
} as const;

const ACTIONS = [
  "*",
  "s3:*",
  "s3:Get*",
  "s3:getobject",
  "s3:?etObject",
  "ecs:*",
  "ecs:Describe*",
  "ecs:ExecuteCommand",
  "secretsmanager:Get*",
  "logs:*Events",
  "elasticfilesystem:Client*",
];
const RESOURCES = [
  "*",
  "arn:aws:s3:::results",
  "arn:aws:s3:::results/*",
  "arn:aws:s3:::res?lts/a/*",
  `arn:aws:s3:::results/${variable("aws:username")}/*`,
  "arn:aws:s3:::*",
  "arn:*:ecs:*:*:task/dbward/*",
  `arn:aws:ecs:us-east-1:${ACCOUNT}:task/*`,
  `arn:aws:ecs:us-west-2:${ACCOUNT}:task/*`,
  `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:dbward/admin-??????`,
  `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:dbward/*`,
  `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:/dbward/server:*`,
  `arn:aws:logs:*:*:log-group:/dbward/*`,
  `arn:aws:elasticfilesystem:us-east-1:${ACCOUNT}:file-system/fs-0123`,
];
const TEXTS = [
  "true",
  "false",
  "server",
  "other",
  "s*",
  "results/",
  "results/*",
  "AWSCURRENT",
  variable("aws:username"),
  "*",
  ROLE,
];
const ARNS = [
  `arn:aws:ecs:us-east-1:${ACCOUNT}:cluster/dbward`,
  `arn:aws:ecs:*:*:cluster/*`,
  `arn:aws:elasticfilesystem:us-east-1:${ACCOUNT}:access-point/fsap-0123`,
  ROLE,
  "arn:aws:iam::*:role/cap*",
];
const KEYS = [
  "aws:SecureTransport",
  "aws:PrincipalArn",
  "aws:PrincipalAccount",
  "aws:username",
  "s3:prefix",
  "secretsmanager:VersionStage",
  "ecs:cluster",
  "ECS:Cluster",
  "ecs:container-name",
  "elasticfilesystem:AccessPointArn",
];

const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1, maxLength: 3 });
const oneOrMore = <T>(values: readonly T[]) => fc.oneof(fc.constantFrom(...values), some(values));

const condition: fc.Arbitrary<NonNullable<Statement["Condition"]>> = fc
  .array(
    fc.oneof(
      fc.tuple(
        fc.constantFrom(
          "StringEquals",
          "StringNotEquals",
          "StringLike",
          "StringNotLike",
          "StringEqualsIgnoreCase",
        ),
        fc.constantFrom("", "IfExists"),
        fc.constantFrom(...KEYS),
        oneOrMore(TEXTS),
      ),
      fc.tuple(
        fc.constantFrom("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
        fc.constantFrom("", "IfExists"),
        fc.constantFrom("aws:PrincipalArn", "ecs:cluster", "elasticfilesystem:AccessPointArn"),
        oneOrMore(ARNS),
      ),
      fc.tuple(
        fc.constantFrom("Bool"),
        fc.constantFrom("", "IfExists"),
        fc.constant("aws:SecureTransport"),
        fc.constantFrom("true", "false"),
      ),
      fc.tuple(
        fc.constant("Null"),
        fc.constant(""),
        fc.constantFrom(...KEYS),
        fc.constantFrom("true", "false"),
      ),
    ),
    { maxLength: 2 },
  )
  .map((parts) =>
    parts.reduce<Record<string, Record<string, string | readonly string[]>>>(
      (whole, [operator, ifExists, key, value]) => {
        const name = `${operator}${ifExists}`;
        whole[name] = { ...whole[name], [key]: value };
        return whole;
      },
      {},
    ),
  );

const statement = fc
  .record({
    Effect: fc.constantFrom("Allow" as const, "Allow" as const, "Deny" as const),
    action: oneOrMore(ACTIONS),
    notAction: fc.boolean(),
    resources: fc.oneof(
      fc.record({ Resource: oneOrMore(RESOURCES) }),
      fc.record({ NotResource: oneOrMore(RESOURCES) }),
    ),
    Condition: condition,
  })
  .map(({ Effect, action, notAction, resources, Condition }) => ({
    Effect,
    [notAction && Effect === "Allow" ? "NotAction" : "Action"]: action,
    ...resources,
    ...(Object.keys(Condition).length > 0 ? { Condition } : {}),
  }));

/** The simulator has variables in policies of every version, and AWS documents them for this one. */
const document = fc
  .array(statement, { minLength: 1, maxLength: 3 })
  .map((Statement) => ({ Version: "2012-10-17", Statement }) as PolicyDocument);
const identity = fc.array(document, { minLength: 1, maxLength: 2 });

const principal = fc.constantFrom<NonNullable<Statement["Principal"]>>(
  "*",
  { AWS: "*" },
  { AWS: ROLE },
  { AWS: SESSION },
  { AWS: ACCOUNT },
  { AWS: [`arn:aws:iam::${ACCOUNT}:root`] },
  { AWS: `arn:aws:iam::${ACCOUNT}:role/other` },
  { Service: "ecs-tasks.amazonaws.com" },
);
const resourcePolicy = fc.array(fc.tuple(statement, principal), { minLength: 1, maxLength: 2 }).map(
  (parts) =>
    ({
      Version: "2012-10-17",
      Statement: parts.map(([it, Principal]) => ({ ...it, Principal })),
    }) as PolicyDocument,
);

const request = fc
  .record({
    of: fc.constantFrom(...REQUESTS),
    secure: fc.option(fc.constantFrom(...GLOBAL_KEYS["aws:SecureTransport"]), { nil: undefined }),
    username: fc.option(fc.constantFrom(...GLOBAL_KEYS["aws:username"]), { nil: undefined }),
    withKeys: fc.boolean(),
  })
  .map(({ of, secure, username, withKeys }) => ({
    action: of.action,
    resource: of.resource,
    keys: {
      "aws:PrincipalArn": ROLE,
      "aws:PrincipalAccount": ACCOUNT,
      ...(secure === undefined ? {} : { "aws:SecureTransport": secure }),
      ...(username === undefined ? {} : { "aws:username": username }),
      ...(withKeys && "keys" in of ? of.keys : {}),
    } as Record<string, string>,
  }));

/** What the simulator of another author says. */
async function simulated(
  { action, resource, keys }: { action: string; resource: string; keys: Record<string, string> },
  policies: { identity: PolicyDocument[]; boundary?: PolicyDocument; resource?: PolicyDocument },
): Promise<boolean> {
  const answer = await runSimulation(
    {
      request: {
        action,
        resource: { resource, accountId: ACCOUNT },
        principal: SESSION,
        contextVariables: keys,
      },
      identityPolicies: policies.identity.map((policy, index) => ({ name: `p${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(policies.boundary
        ? { permissionBoundaryPolicies: [{ name: "b", policy: policies.boundary }] }
        : {}),
      ...(policies.resource ? { resourcePolicy: policies.resource } : {}),
    } as Parameters<typeof runSimulation>[0],
    {},
  );
  if (answer.resultType === "error") throw new Error(JSON.stringify(answer.errors));
  return answer.overallResult === "Allowed";
}

function judged(
  { action, resource, keys }: { action: string; resource: string; keys: Record<string, string> },
  policies: { identity: PolicyDocument[]; boundary?: PolicyDocument; resource?: PolicyDocument },
): Verdict {
  const context = Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key.toLowerCase(), [value]]),
  );
  return evaluate(
    { principal: { account: ACCOUNT, arn: SESSION, role: ROLE }, action, resource, context },
    policies,
  );
}

const RUNS = 1_500;

it("says of identity policies what iam-simulate says", { timeout: 120_000 }, async () => {
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(request, identity, async (asked, policies) => {
      const verdict = judged(asked, { identity: policies }).allowed;
      if (verdict) allowed++;
      expect(verdict).toBe(await simulated(asked, { identity: policies }));
    }),
    { numRuns: RUNS },
  );
  expect(allowed).toBeGreaterThan(RUNS / 20);
});

it("says of a boundary beside them what iam-simulate says", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(request, identity, document, async (asked, policies, boundary) => {
      const all = { identity: policies, boundary };
      expect(judged(asked, all).allowed).toBe(await simulated(asked, all));
    }),
    { numRuns: RUNS },
  );
});

it("says of a resource's policy beside them what iam-simulate says", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      request,
      identity,
      fc.option(document, { nil: undefined }),
      resourcePolicy,
      async (asked, policies, boundary, resource) => {
        const all = { identity: policies, ...(boundary ? { boundary } : {}), resource };
        expect(judged(asked, all).allowed).toBe(await simulated(asked, all));
      },
    ),
    { numRuns: RUNS },
  );
});
