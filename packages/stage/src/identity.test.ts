import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STSClient } from "@aws-sdk/client-sts";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { chooseIdentity, confirmIdentity, type IdentityChoice, takeIdentity } from "./identity.ts";

const folder = mkdtempSync(join(tmpdir(), "identity-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, "config"),
  "[default]\nregion = eu-central-1\n[profile acme]\nregion = eu-west-1\n[profile bare]\n" +
    "[profile chained]\nregion = eu-north-1\ncredential_source = Environment\nrole_arn = arn:aws:iam::123456789012:role/x\n",
);
writeFileSync(
  join(folder, "credentials"),
  ["default", "acme", "bare"]
    .map((name) => `[${name}]\naws_access_key_id = KEY-OF-${name}\naws_secret_access_key = secret\n`)
    .join(""),
);
const FILES = {
  AWS_CONFIG_FILE: join(folder, "config"),
  AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
};
const NO_FILES = { AWS_CONFIG_FILE: join(folder, "none"), AWS_SHARED_CREDENTIALS_FILE: join(folder, "none") };
const KEYS = { AWS_ACCESS_KEY_ID: "KEY-OF-VARIABLE", AWS_SECRET_ACCESS_KEY: "secret" };

describe("chooseIdentity", () => {
  it.each<[string, IdentityChoice, Record<string, string>, string]>([
    ["the default profile's region", {}, {}, "eu-central-1"],
    ["the region of --profile", { profile: "acme" }, {}, "eu-west-1"],
    ["--profile before keys", { profile: "acme" }, KEYS, "eu-west-1"],
    ["--profile before AWS_PROFILE", { profile: "acme" }, { AWS_PROFILE: "bare" }, "eu-west-1"],
    ["AWS_PROFILE", {}, { AWS_PROFILE: "acme" }, "eu-west-1"],
    ["AWS_DEFAULT_PROFILE", {}, { AWS_DEFAULT_PROFILE: "acme" }, "eu-west-1"],
    [
      "AWS_PROFILE before AWS_DEFAULT_PROFILE",
      {},
      { AWS_PROFILE: "acme", AWS_DEFAULT_PROFILE: "bare" },
      "eu-west-1",
    ],
    ["--region", { region: "us-east-2" }, { AWS_REGION: "us-west-1" }, "us-east-2"],
    ["the stage's region", { stageRegion: "us-east-2" }, { AWS_REGION: "us-west-1" }, "us-east-2"],
    ["AWS_REGION before the profile's", { profile: "acme" }, { AWS_REGION: "us-west-1" }, "us-west-1"],
    [
      "AWS_REGION before AWS_DEFAULT_REGION",
      {},
      { AWS_REGION: "us-west-1", AWS_DEFAULT_REGION: "us-west-2" },
      "us-west-1",
    ],
    ["AWS_DEFAULT_REGION", {}, { AWS_REGION: "", AWS_DEFAULT_REGION: "us-west-2" }, "us-west-2"],
  ])("takes %s", async (_name, choice, variables, region) => {
    expect((await chooseIdentity(choice, { ...FILES, ...variables })).region).toBe(region);
  });

  it("takes keys before AWS_PROFILE, as the AWS CLI does", async () => {
    const identity = await chooseIdentity({}, { ...FILES, ...KEYS, AWS_PROFILE: "acme" });
    expect(identity).toMatchObject({ profile: undefined, source: "the keys in AWS_ACCESS_KEY_ID" });
    expect(identity.region).toBe("eu-west-1");
  });

  it.each([
    ["no source of a region", {}, { ...NO_FILES }, /Which region\?.*--region.*AWS_REGION/s],
    ["a profile without a region", { profile: "bare" }, FILES, /Which region\? Profile bare has none/],
    ["a profile that doesn't exist", { profile: "acm" }, FILES, /no profile "acm".*--profile.*acme, bare/s],
    ["a variable that names none", {}, { ...FILES, AWS_PROFILE: "acm" }, /no profile "acm".*AWS_PROFILE/s],
    [
      "a region that isn't the stage's",
      { region: "us-east-1", stageRegion: "eu-west-1" },
      FILES,
      /--region us-east-1 contradicts.*eu-west-1/,
    ],
  ])("refuses %s", async (_name, choice, environment, message) => {
    await expect(chooseIdentity(choice, environment)).rejects.toThrow(message);
  });

  it("falls back to a region where nothing is deployed", async () => {
    expect((await chooseIdentity({}, NO_FILES, "us-east-1")).region).toBe("us-east-1");
  });
});

describe("takeIdentity", () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each<[IdentityChoice, Record<string, string>, string, string]>([
    [{ profile: "acme" }, KEYS, "KEY-OF-acme", "eu-west-1"],
    [{}, { ...KEYS, AWS_PROFILE: "acme" }, "KEY-OF-VARIABLE", "eu-west-1"],
    [{}, { AWS_DEFAULT_PROFILE: "acme" }, "KEY-OF-acme", "eu-west-1"],
    [{}, { AWS_DEFAULT_REGION: "us-west-2" }, "KEY-OF-default", "us-west-2"],
  ])("leaves what the SDK takes as well: %j with %j", async (choice, variables, key, region) => {
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
    for (const [name, value] of Object.entries({ ...FILES, ...variables })) vi.stubEnv(name, value);
    const identity = await takeIdentity(choice);
    const sdk = new STSClient({});
    expect([(await sdk.config.credentials()).accessKeyId, await sdk.config.region()]).toEqual([key, region]);
    expect(identity.region).toBe(region);
    sdk.destroy();
  });

  it("leaves keys to a profile that assumes a role with them", async () => {
    const environment = { ...FILES, ...KEYS };
    await takeIdentity({ profile: "chained" }, environment);
    expect(environment).toMatchObject({ ...KEYS, AWS_PROFILE: "chained", AWS_REGION: "eu-north-1" });
  });
});

describe("the stage of this machine", () => {
  const root = join(folder, "checkout");
  const choice = { project: { stage: "local", root } };

  it("is reached without a variable, and never through keys or a profile of another account", async () => {
    mkdirSync(join(root, ".local"), { recursive: true });
    const credentials = { accessKeyId: "KEY-OF-RUN", secretAccessKey: "secret" };
    writeFileSync(
      join(root, ".local", "run.json"),
      JSON.stringify({ host: { pid: process.pid }, credentials }),
    );
    writeFileSync(join(root, ".local", "state.json"), JSON.stringify({ ports: { emulator: 4566 } }));
    const environment: NodeJS.ProcessEnv = { ...FILES, ...KEYS, AWS_PROFILE: "acme", AWS_SESSION_TOKEN: "x" };
    expect(await takeIdentity(choice, environment)).toMatchObject({ source: "the local stage" });
    expect(environment).toMatchObject({
      AWS_ENDPOINT_URL: "http://127.0.0.1:4566",
      AWS_ACCESS_KEY_ID: "KEY-OF-RUN",
    });
    expect(environment).not.toHaveProperty("AWS_PROFILE");
    expect(environment).not.toHaveProperty("AWS_SESSION_TOKEN");
    await expect(takeIdentity({ ...choice, profile: "acme" }, { ...FILES })).rejects.toThrow(
      /emulated account/,
    );
  });

  it("is refused when it doesn't run, whatever credentials there are", async () => {
    const elsewhere = { project: { stage: "local", root: folder } };
    await expect(takeIdentity(elsewhere, { ...FILES, ...KEYS })).rejects.toThrow(/doesn't run.*pnpm local/);
  });
});

describe("confirmIdentity", () => {
  const identity = { region: "eu-west-1", profile: "acme", source: "profile acme", usesKeys: false };
  const sts = {
    send: async () => ({ Account: "123456789012", Arn: "arn:aws-cn:iam::123456789012:user/me" }),
  } as unknown as STSClient;

  it("says account, region and where the credentials come from", async () => {
    const account = "123456789012";
    const confirmed = {
      account,
      partition: "aws-cn",
      line: `Account ${account}, region eu-west-1, by profile acme`,
    };
    expect(await confirmIdentity(identity, { sts })).toEqual(confirmed);
    expect(await confirmIdentity(identity, { sts }, { account })).toEqual(confirmed);
  });

  it("refuses an account of AWS for the stage of this machine", async () => {
    await expect(confirmIdentity(identity, { sts }, { stage: "local" })).rejects.toThrow(
      /Stage local is in the emulated account .* profile acme leads to account 123456789012\./,
    );
  });

  it("refuses another account than the stage's", async () => {
    await expect(confirmIdentity(identity, { sts }, { account: "210987654321" })).rejects.toThrow(
      /belongs to account 210987654321 .* profile acme leads to account 123456789012\./,
    );
  });
});
