import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EC2Client } from "@aws-sdk/client-ec2";
import { CreateDBInstanceCommand, CreateDBSubnetGroupCommand, RDSClient } from "@aws-sdk/client-rds";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { DATABASE_URL } from "./support/changes.ts";
import { createPlatform, enableDnsHostnames, type Platform } from "./support/platform.ts";
import { ops } from "./support/run-command.ts";
import { healthyAgentCapabilities } from "./support/server-api.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-init");
const PROJECT = join(DIRECTORY, "project");
const SETTINGS = join(import.meta.dirname, "settings/example.config.ts");
const URL_SECRET = "dbward/fresh/database-url";
const MINUTE = 60_000;

/** From a project without a stage in AWS to a running one. Each test builds on the ones before it. */
describe.sequential("a stage that ops init writes", () => {
  let first: LocalStage;
  let stage: LocalStage;
  let account: Account;
  let ec2: EC2Client;
  let rds: RDSClient;
  let platform: Platform;
  let url: string;

  beforeAll(async () => {
    first = await startStory(DIRECTORY, "example.config.ts");
    stage = await first.beside("fresh");
    account = new Account(stage);
    ec2 = new EC2Client(first.clientConfig());
    rds = new RDSClient(first.clientConfig());
    platform = await createPlatform(ec2);
    await rds.send(
      new CreateDBSubnetGroupCommand({
        DBSubnetGroupName: "orders",
        DBSubnetGroupDescription: "The database's",
        SubnetIds: [...platform.subnets],
      }),
    );
    await rds.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: "orders-db",
        DBInstanceClass: "db.t4g.micro",
        Engine: "postgres",
        DBName: "orders",
        AllocatedStorage: 20,
        MasterUsername: "postgres",
        MasterUserPassword: "not-the-agents",
        DBSubnetGroupName: "orders",
        VpcSecurityGroupIds: [platform.group],
      }),
    );
    // The database of this machine takes the place of the one in the VPC.
    url = await eventually(() => account.secret(DATABASE_URL), MINUTE);
  }, 5 * MINUTE);

  afterAll(async () => {
    rds?.destroy();
    ec2?.destroy();
    account?.close();
    await first?.close();
  }, MINUTE);

  const init = async (...args: string[]) => {
    const access = { ...stage, environment: { ...stage.environment, DBWARD_DATABASE_URL: url } };
    const end = await ops(access, PROJECT, "init", "--database", "orders-db", "--yes", ...args);
    expect(end.stdout + end.stderr).not.toContain(url);
    return end;
  };
  const config = () => readFileSync(join(PROJECT, "dbward.config.ts"), "utf8");

  it("is shown by a dry run, which writes nothing", { timeout: 2 * MINUTE }, async () => {
    const { exitCode, stdout, stderr } = await init("--dry-run");
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain(`Create secret ${URL_SECRET}`);
    expect(config()).toBe(readFileSync(SETTINGS, "utf8"));
    await expect(account.secret(URL_SECRET)).rejects.toThrow();
  });

  it("is written, and the command says what the account lacks for it", { timeout: 2 * MINUTE }, async () => {
    const { exitCode, stderr } = await init();
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/Stage fresh is written, and can't be deployed yet:\n {2}- .*DNS host names off/),
    ]);
    for (const id of [platform.vpcId, ...platform.subnets, platform.group]) expect(config()).toContain(id);
    expect(config()).toContain("// An example, with one agent.\n    local: {");
    expect(await account.secret(URL_SECRET)).toBe(url);
  });

  it("is checked again by a second run, which changes no settings", { timeout: 2 * MINUTE }, async () => {
    const written = config();
    await enableDnsHostnames(ec2, platform.vpcId);
    const { exitCode, stdout, stderr } = await init("--json");
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: "done", secrets: [] });
    expect(config()).toBe(written);
  });

  it("is deployed, and its agent serves the database", { timeout: 8 * MINUTE }, async () => {
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
    const token = await account.secret(account.names.adminTokenSecret);
    const capabilities = await healthyAgentCapabilities(stage.serverUrl, token, MINUTE);
    expect(capabilities).toEqual({ scopes: [{ database: "orders", environment: "fresh" }] });
  });
});
