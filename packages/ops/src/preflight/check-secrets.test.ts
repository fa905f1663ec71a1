import { secretReference } from "@dbward-aws/settings";
import { createAwsClients } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault, type Input } from "../test-support/aws-peer.ts";
import { stageSettings, withAws } from "../test-support/ops-run.ts";
import { checkSecrets } from "./check-secrets.ts";
import { PreflightFindings } from "./findings.ts";
import { databaseUrlProblem, readSecretValue } from "./secret-value.ts";

const PLACE = { account: "123456789012", region: "eu-central-1" };
const CANARY = "canary-password";
const URL_VALUE = `postgres://app:${CANARY}@db.example.com/app`;
const filled = () => ({ VersionIdsToStages: { v1: ["AWSCURRENT"] } });
const denied = () => {
  throw new AwsFault("AccessDeniedException", "User: me is not authorized to perform: secretsmanager:X");
};

/** What is found of the stage's two secrets, of which `app-url` has the given answers. */
async function check(answers: Answers, appUrlSecret = "dbward/prod/app-url") {
  const settings = stageSettings();
  const [app, reports] = settings.agents;
  const changed = {
    ...settings,
    agents: [{ ...app!, databases: [{ ...app!.databases[0]!, urlSecret: appUrlSecret }] }, reports!],
  };
  const ofApp = (operation: string, other: (input: Input) => unknown) => (input: Input) =>
    input.SecretId === secretReference(appUrlSecret)?.secretId
      ? (answers[operation] ?? other)(input)
      : other(input);
  await withAws({
    DescribeSecret: ofApp("DescribeSecret", filled),
    GetSecretValue: ofApp("GetSecretValue", () => ({ SecretString: URL_VALUE })),
  });
  const findings = new PreflightFindings();
  await checkSecrets(changed, PLACE, createAwsClients("eu-central-1"), findings);
  expect(JSON.stringify(findings)).not.toContain(CANARY);
  return findings;
}

describe("a secret that a task can't use", () => {
  it.each<[string, Answers[string], RegExp]>([
    ["binary", () => ({ SecretBinary: "AAAA" }), /is binary, and ECS gives containers text alone/],
    ["blank", () => ({ SecretString: " \n" }), /is blank/],
    ["with a NUL", () => ({ SecretString: `${URL_VALUE}\0` }), /contains a NUL character/],
    [
      "without a current version",
      () => {
        throw new AwsFault(
          "ResourceNotFoundException",
          "can't find the specified secret value for staging label",
        );
      },
      /has no value with the label AWSCURRENT/,
    ],
    ["a URL of another kind", () => ({ SecretString: `jdbc:${URL_VALUE}` }), /must begin with postgres:\/\//],
    [
      "a URL in capitals",
      () => ({ SecretString: URL_VALUE.replace("postgres", "POSTGRES") }),
      /in lower case/,
    ],
    [
      "JSON for a URL",
      () => ({ SecretString: `{"url":"${URL_VALUE}"}` }),
      /is JSON, .*name its key: NAME:KEY::/,
    ],
    [
      "a URL of another port",
      () => ({ SecretString: URL_VALUE.replace(".com", ".com:6432") }),
      /leads to port 6432/,
    ],
    [
      "a URL of another driver's port",
      () => ({ SecretString: URL_VALUE.replace("postgres", "mysql") }),
      /port 3306/,
    ],
  ])("%s is refused, and its value not shown", async (_title, GetSecretValue, expected) => {
    const { mistakes } = await check({ GetSecretValue: GetSecretValue! });
    expect(mistakes).toEqual([expect.stringMatching(expected)]);
    expect(mistakes[0]).toMatch(/^Secret dbward\/prod\/app-url \(database URL DATABASE_URL of agent app\)/);
  });

  it.each([
    ["label", ":AWSPREVIOUS:", { VersionStage: "AWSPREVIOUS" }, /has no value with the label AWSPREVIOUS/],
    ["id", "::v1", { VersionId: "v1" }, /has no version v1\. Name one that it has/],
  ])("is read in the version whose %s the settings name", async (_title, part, version, problem) => {
    const reference = `dbward/prod/app-url:${part}`;
    const missing = () => {
      throw new AwsFault("ResourceNotFoundException", "can't find the specified secret value");
    };
    const GetSecretValue = ({ SecretId, ...asked }: Input) => {
      expect(asked).toEqual(version);
      return { SecretString: URL_VALUE };
    };
    // A label or an id can name a version of a secret that has no current one.
    const DescribeSecret = () => ({ VersionIdsToStages: { v1: ["AWSPREVIOUS"] } });
    expect((await check({ DescribeSecret, GetSecretValue }, reference)).mistakes).toEqual([]);
    expect((await check({ GetSecretValue: missing }, reference)).mistakes).toEqual([
      expect.stringMatching(problem),
    ]);
  });

  it("is accepted with a line end at its end, and with a host that only the query names", async () => {
    for (const SecretString of [`${URL_VALUE}\r\n`, "postgres://app@/app?host=db.example.com&port=6432"])
      expect((await check({ GetSecretValue: () => ({ SecretString }) })).mistakes).toEqual([]);
  });

  it("in another region is not looked for in this one", async () => {
    const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf";
    expect(await check({ DescribeSecret: denied, GetSecretValue: denied }, arn)).toEqual({
      mistakes: [],
      warnings: [],
    });
  });

  it("of another account is a warning, also where it may not be looked at", async () => {
    const arn = "arn:aws:secretsmanager:eu-central-1:999999999999:secret:app-AbCdEf";
    const { mistakes, warnings } = await check({ DescribeSecret: denied }, arn);
    expect(mistakes).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(/was not checked: your identity is not allowed secretsmanager:DescribeSecret/),
      expect.stringMatching(/is in account 999999999999: its resource policy must allow the execution role/),
    ]);
  });

  it("is a warning where the caller may not read it", async () => {
    const { mistakes, warnings } = await check({ GetSecretValue: denied });
    expect(mistakes).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(/^The values of secrets were not checked: .*app-url\)$/),
    ]);
  });
});

describe("a JSON key of a secret", () => {
  const read = async (SecretString: string) => {
    await withAws({ GetSecretValue: () => ({ SecretString }) });
    return readSecretValue(createAwsClients("eu-central-1"), { name: "rds", jsonKey: "url" });
  };

  it("gives the text under it", async () => {
    expect(await read(`{"url":"${URL_VALUE}"}`)).toEqual({ value: URL_VALUE });
    expect(await read('{"url":5432}')).toEqual({ value: "5432" });
  });

  it.each([
    ["text that isn't JSON", URL_VALUE, /isn't JSON/],
    ["JSON without the key", `{"password":"${CANARY}"}`, /has no key "url"/],
    ["a list", `["${CANARY}"]`, /has no key "url"/],
    ["an object under it", `{"url":{"password":"${CANARY}"}}`, /no text under its key/],
    ["a blank under it", '{"url":" "}', /under its key "url" is blank/],
  ])("is refused in %s", async (_title, text, expected) => {
    const found = await read(text);
    expect(found).toEqual({ problem: expect.stringMatching(expected) });
    expect(JSON.stringify(found)).not.toContain(CANARY);
  });
});

it("a database URL is only refused for what is sure", () => {
  expect(databaseUrlProblem("postgresql://u:p@h:5432/d", 5432)).toBeUndefined();
  expect(databaseUrlProblem("postgres://", 5432)).toBeUndefined();
  expect(databaseUrlProblem("mysql://u@h/d", 3306)).toBeUndefined();
  expect(databaseUrlProblem("postgres://u:p@127.0.0.1:49152/d", 5432)).toBeUndefined();
});
