import { describe, expect, it } from "vitest";
import { evaluate, type PolicyDocument, PolicyNotUnderstood, parsePolicy, type Verdict } from "./index.ts";
import type { Statement } from "./policy-document.ts";

const ACCOUNT = "123456789012";

/** A policy variable, as it stands in a policy. */
const variable = (name: string) => `$\{${name}}`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/JohnDoe`;
const PRINCIPAL = { account: ACCOUNT, arn: `arn:aws:sts::${ACCOUNT}:assumed-role/JohnDoe/s`, role: ROLE };

interface Asked {
  readonly action: string;
  readonly resource?: string;
  readonly keys?: Readonly<Record<string, string | readonly string[]>>;
}

function policy(Statement: Statement | readonly Statement[], Version = "2012-10-17"): PolicyDocument {
  return { Version, Statement };
}

function ask(
  { action, resource = "*", keys = {} }: Asked,
  identity: PolicyDocument | readonly PolicyDocument[],
  more: { boundary?: PolicyDocument; resource?: PolicyDocument; resourceMustAllow?: boolean } = {},
): Verdict {
  const context = Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key.toLowerCase(), [value].flat() as readonly string[]]),
  );
  return evaluate(
    { principal: PRINCIPAL, action, resource, context },
    { identity: [identity].flat() as PolicyDocument[], ...more },
  );
}

const allowed = (...question: Parameters<typeof ask>) => ask(...question).allowed;
const DENIED_BY_NONE = { allowed: false, reason: "no allow", by: "identity-based policy" };

describe("the examples of AWS's documentation", () => {
  it("decides for DynamoDB within a period (reference_policies_examples_aws-dates)", () => {
    const dates = policy({
      Effect: "Allow",
      Action: "service-prefix:action-name",
      Resource: "*",
      Condition: {
        DateGreaterThan: { "aws:CurrentTime": "2020-04-01T00:00:00Z" },
        DateLessThan: { "aws:CurrentTime": "2020-06-30T23:59:59Z" },
      },
    });
    const at = (time: string) => ({
      action: "service-prefix:action-name",
      keys: { "aws:CurrentTime": time },
    });
    expect(allowed(at("2020-05-01T00:00:00Z"), dates)).toBe(true);
    expect(allowed(at("2020-07-01T00:00:00Z"), dates)).toBe(false);
    expect(allowed(at("2020-03-31T23:59:59Z"), dates)).toBe(false);
  });

  it("lets only the owner's folder be used (reference_policies_variables)", () => {
    const own = policy([
      {
        Effect: "Allow",
        Action: "s3:ListBucket",
        Resource: "arn:aws:s3:::amzn-s3-demo-bucket",
        Condition: { StringLike: { "s3:prefix": [`${variable("aws:username")}/*`] } },
      },
      {
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:PutObject"],
        Resource: `arn:aws:s3:::amzn-s3-demo-bucket/${variable("aws:username")}/*`,
      },
    ]);
    const get = (key: string, name?: string): Asked => ({
      action: "s3:GetObject",
      resource: `arn:aws:s3:::amzn-s3-demo-bucket/${key}`,
      keys: name === undefined ? {} : { "aws:username": name },
    });
    expect(allowed(get("alice/a.txt", "alice"), own)).toBe(true);
    expect(allowed(get("bob/a.txt", "alice"), own)).toBe(false);
    // A value is no pattern.
    expect(allowed(get("bob/a.txt", "*"), own)).toBe(false);
    expect(allowed(get("alice/a.txt"), own)).toBe(false);
    const list = { action: "s3:ListBucket", resource: "arn:aws:s3:::amzn-s3-demo-bucket" };
    expect(allowed({ ...list, keys: { "s3:prefix": "alice/x", "aws:username": "alice" } }, own)).toBe(true);
    expect(allowed({ ...list, keys: { "s3:prefix": "alicex", "aws:username": "alice" } }, own)).toBe(false);
  });

  it("takes variables as text in policies of an older version (reference_policies_elements_version)", () => {
    const old = policy(
      { Effect: "Allow", Action: "s3:GetObject", Resource: `arn:aws:s3:::b/${variable("aws:username")}/*` },
      "2008-10-17",
    );
    const get = (key: string) => ({
      action: "s3:GetObject",
      resource: `arn:aws:s3:::b/${key}`,
      keys: { "aws:username": "alice" },
    });
    expect(allowed(get("alice/a"), old)).toBe(false);
    expect(allowed(get(`${variable("aws:username")}/a`), old)).toBe(true);
  });

  it("has a default for a variable, and names for its own signs (reference_policies_variables)", () => {
    const team = policy({
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: `arn:aws:s3:::b/${variable("aws:PrincipalTag/team, 'company-wide'")}/${variable("*")}${variable("?")}${variable("$")}`,
    });
    const get = (key: string, keys = {}) => ({
      action: "s3:GetObject",
      resource: `arn:aws:s3:::b/${key}`,
      keys,
    });
    expect(allowed(get("company-wide/*?$"), team)).toBe(true);
    expect(allowed(get("yellow/*?$", { "aws:PrincipalTag/team": "yellow" }), team)).toBe(true);
    expect(allowed(get("company-wide/ab$"), team)).toBe(false);
  });

  it("lets NotAction allow the rest, and deny all but some (reference_policies_elements_notaction)", () => {
    const rest = policy({ Effect: "Allow", NotAction: "iam:*", Resource: "*" });
    expect(allowed({ action: "s3:GetObject" }, rest)).toBe(true);
    expect(allowed({ action: "IAM:ListRoles" }, rest)).toBe(false);
    const mfa = policy({
      Effect: "Deny",
      NotAction: "iam:*",
      Resource: "*",
      Condition: { BoolIfExists: { "aws:MultiFactorAuthPresent": "false" } },
    });
    const all = policy({ Effect: "Allow", Action: "*", Resource: "*" });
    const verdict = ask({ action: "s3:GetObject" }, [all, mfa]);
    expect(verdict).toEqual({ allowed: false, reason: "explicit deny", by: "identity-based policy" });
    expect(allowed({ action: "iam:ListRoles" }, [all, mfa])).toBe(true);
    expect(
      allowed({ action: "s3:GetObject", keys: { "aws:MultiFactorAuthPresent": "true" } }, [all, mfa]),
    ).toBe(true);
  });

  it("denies all buckets but one (reference_policies_elements_notresource)", () => {
    const others = policy([
      { Effect: "Allow", Action: "s3:*", Resource: "*" },
      {
        Effect: "Deny",
        Action: "s3:*",
        NotResource: ["arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/*"],
      },
    ]);
    expect(allowed({ action: "s3:GetObject", resource: "arn:aws:s3:::HRBucket/Payroll/1" }, others)).toBe(
      true,
    );
    expect(allowed({ action: "s3:GetObject", resource: "arn:aws:s3:::HRBucket/Other" }, others)).toBe(false);
  });

  it("has sets of values (reference_policies_condition-single-vs-multi-valued-context-keys)", () => {
    const only = (operator: string) =>
      policy({
        Effect: "Allow",
        Action: "dynamodb:GetItem",
        Resource: "*",
        Condition: { [operator]: { "dynamodb:Attributes": ["ID", "Message", "Tags"] } },
      });
    const get = (attributes?: string[]): Asked => ({
      action: "dynamodb:GetItem",
      keys: attributes ? { "dynamodb:Attributes": attributes } : {},
    });
    expect(allowed(get(["ID", "Tags"]), only("ForAllValues:StringEquals"))).toBe(true);
    expect(allowed(get(["ID", "Secret"]), only("ForAllValues:StringEquals"))).toBe(false);
    expect(allowed(get(), only("ForAllValues:StringEquals"))).toBe(true);
    expect(allowed(get(["ID", "Secret"]), only("ForAnyValue:StringEquals"))).toBe(true);
    expect(allowed(get(["Secret"]), only("ForAnyValue:StringEquals"))).toBe(false);
    expect(allowed(get(), only("ForAnyValue:StringEquals"))).toBe(false);
  });

  it("allows what identity and boundary both allow (access_policies_boundaries)", () => {
    const boundary = policy({ Effect: "Allow", Action: ["s3:*", "cloudwatch:*", "ec2:*"], Resource: "*" });
    const identity = policy({ Effect: "Allow", Action: ["iam:CreateUser", "s3:*"], Resource: "*" });
    expect(allowed({ action: "s3:GetObject", resource: "arn:aws:s3:::b/k" }, identity, { boundary })).toBe(
      true,
    );
    expect(ask({ action: "iam:CreateUser" }, identity, { boundary })).toEqual({
      allowed: false,
      reason: "no allow",
      by: "permissions boundary",
    });
    expect(ask({ action: "ec2:RunInstances" }, identity, { boundary })).toEqual(DENIED_BY_NONE);
  });

  it("lets a resource's policy give what no identity has (reference_policies_evaluation-logic)", () => {
    const secret = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:a-AbCdEf`;
    const get = { action: "secretsmanager:GetSecretValue", resource: secret };
    const of = (Principal: Statement["Principal"], Effect: "Allow" | "Deny" = "Allow") =>
      policy({ Effect, Principal: Principal!, Action: "secretsmanager:*", Resource: "*" });
    const boundary = policy({ Effect: "Allow", Action: "s3:*", Resource: "*" });
    expect(allowed(get, [], { resource: of({ AWS: ROLE }) })).toBe(true);
    expect(allowed(get, [], { resource: of({ AWS: `arn:aws:iam::${ACCOUNT}:role/Other` }) })).toBe(false);
    // The account as a principal leaves the decision to its own policies.
    expect(allowed(get, [], { resource: of({ AWS: `arn:aws:iam::${ACCOUNT}:root` }) })).toBe(false);
    // A boundary limits what a resource grants to the role, but not what it grants to its session.
    expect(allowed(get, [], { boundary, resource: of({ AWS: ROLE }) })).toBe(false);
    expect(allowed(get, [], { boundary, resource: of({ AWS: PRINCIPAL.arn }) })).toBe(true);
    const all = policy({ Effect: "Allow", Action: "*", Resource: "*" });
    expect(ask(get, all, { resource: of({ AWS: ACCOUNT }, "Deny") })).toEqual({
      allowed: false,
      reason: "explicit deny",
      by: "resource-based policy",
    });
  });

  it("needs the key's policy for a key (kms, key-policy-default)", () => {
    const key = `arn:aws:kms:us-east-1:${ACCOUNT}:key/k`;
    const decrypt = { action: "kms:Decrypt", resource: key };
    const identity = policy({ Effect: "Allow", Action: "kms:Decrypt", Resource: key });
    const keyPolicy = (name: string) =>
      policy({ Effect: "Allow", Principal: { AWS: name }, Action: "kms:*", Resource: "*" });
    const must = { resourceMustAllow: true };
    expect(allowed(decrypt, identity, { ...must, resource: keyPolicy(`arn:aws:iam::${ACCOUNT}:root`) })).toBe(
      true,
    );
    expect(allowed(decrypt, [], { ...must, resource: keyPolicy(`arn:aws:iam::${ACCOUNT}:root`) })).toBe(
      false,
    );
    expect(
      ask(decrypt, identity, { ...must, resource: keyPolicy(`arn:aws:iam::${ACCOUNT}:role/Admin`) }),
    ).toEqual({
      allowed: false,
      reason: "no allow",
      by: "resource-based policy",
    });
    expect(allowed(decrypt, [], { ...must, resource: keyPolicy(ROLE) })).toBe(true);
  });

  it("takes addresses in ranges (reference_policies_examples_aws_deny-ip)", () => {
    const deny = policy([
      { Effect: "Allow", Action: "*", Resource: "*" },
      {
        Effect: "Deny",
        Action: "*",
        Resource: "*",
        Condition: { NotIpAddress: { "aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"] } },
      },
    ]);
    const from = (address: string) => ({ action: "s3:GetObject", keys: { "aws:SourceIp": address } });
    expect(allowed(from("203.0.113.43"), deny)).toBe(true);
    expect(allowed(from("198.51.100.1"), deny)).toBe(false);
  });
});

describe("a pattern", () => {
  it("of an ARN does not reach beyond a colon, but for its last part", () => {
    const like = (pattern: string) =>
      allowed(
        {
          action: "logs:GetLogEvents",
          resource: `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:/a:log-stream:b`,
        },
        policy({ Effect: "Allow", Action: "logs:*", Resource: pattern }),
      );
    expect(like(`arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:/a:*`)).toBe(true);
    expect(like(`arn:aws:logs:*:*:log-group:/a:*`)).toBe(true);
    expect(like(`arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:/a`)).toBe(false);
    expect(like("arn:aws:logs:*")).toBe(false);
    expect(like(`arn:aws:logs:eu-west-2:${ACCOUNT}:log-group:/a:*`)).toBe(false);
  });

  it("takes regular expressions' signs as they stand", () => {
    const get = (key: string) => ({ action: "s3:GetObject", resource: `arn:aws:s3:::b/${key}` });
    const dotted = policy({ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/a.b(+)[^$]" });
    expect(allowed(get("a.b(+)[^$]"), dotted)).toBe(true);
    expect(allowed(get("aXb(+)[^$]"), dotted)).toBe(false);
  });

  it("of an action ignores case, of a resource does not", () => {
    const get = policy({ Effect: "Allow", Action: "S3:GETobject", Resource: "arn:aws:s3:::b/K" });
    expect(allowed({ action: "s3:GetObject", resource: "arn:aws:s3:::b/K" }, get)).toBe(true);
    expect(allowed({ action: "s3:GetObject", resource: "arn:aws:s3:::b/k" }, get)).toBe(false);
  });

  it("of one resource is none for an action that knows no resource", () => {
    const one = policy({ Effect: "Allow", Action: "ecs:ListTasks", Resource: `arn:aws:ecs:*:*:task/c/*` });
    expect(ask({ action: "ecs:ListTasks" }, one)).toEqual(DENIED_BY_NONE);
  });
});

describe("what is not understood", () => {
  it.each([
    ["an operator", { Condition: { StringMatches: { "aws:username": "a" } } }],
    ["a variable", { Condition: { StringEquals: { "aws:username": variable("a b c") } } }],
  ])("is an error, for %s", (_what, more) => {
    const unknown = policy({ Effect: "Allow", Action: "*", Resource: "*", ...more });
    expect(() => ask({ action: "s3:GetObject", keys: { "aws:username": "a" } }, unknown)).toThrow(
      PolicyNotUnderstood,
    );
  });

  it.each([
    "",
    "no JSON",
    "{}",
    "null",
    '{"Statement":{"Effect":"allow"}}',
    '{"Statement":[{"Effect":"Allow","Action":[1]}]}',
  ])("is an error, for the text %j", (text) => {
    expect(() => parsePolicy(text)).toThrow(PolicyNotUnderstood);
  });
});
