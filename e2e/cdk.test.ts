import { join } from "node:path";
import { DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { STACK_IDS, type StackId, TOKEN_PATTERN } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { agent, type Changes, changesVariable, DATABASE_URL } from "./support/changes.ts";
import { type CommandEnd, cdk } from "./support/run-command.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-cdk");
const PROJECT = join(DIRECTORY, "project");
const MINUTE = 60_000;
const CHANGED: Changes = {
  storage: { backend: "local" },
  capture: { method: "task" },
  server: { loadBalancer: { scheme: "internal" } },
};

/** A stage deployed, changed and removed by the CDK's own command. Each test builds on the ones before it. */
describe.sequential("a stage by the CDK's command", () => {
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  const tokens: Record<string, string> = {};
  const printed: string[] = [];
  let kept: Record<string, string> = {};
  const secretNames = () => [
    account.names.adminTokenSecret,
    account.names.agentTokenSecret({ name: "app", token: "bootstrap" }),
    account.names.metricsTokenSecret,
  ];

  async function run(changes: Changes, ...args: string[]): Promise<CommandEnd> {
    const end = await cdk(stage, PROJECT, changesVariable(changes), ...args);
    printed.push(end.stdout, end.stderr);
    return end;
  }
  const outputsOf = (id: StackId) => account.outputs(account.names.stack(id));
  async function deploy(changes: Changes = {}): Promise<string> {
    const { exitCode, stderr, stdout } = await run(changes, "deploy");
    expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
    return `${stdout}\n${stderr}`;
  }

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "changed.config.ts", { bootstrap: false });
    account = new Account(stage);
    server = new DbwardClient({ url: stage.serverUrl });
    await eventually(() => account.secret(DATABASE_URL), 2 * MINUTE);
  }, 5 * MINUTE);

  afterAll(async () => {
    server?.close();
    account?.close();
    await stage?.close();
  }, MINUTE);

  it("is refused, and nothing is created, when a secret is missing", { timeout: 5 * MINUTE }, async () => {
    const database = { urlSecret: "dbward/local/missing", cidrs: ["127.0.0.0/8"] };
    const { exitCode, stderr } = await run({ agents: [agent("app", { database })] }, "deploy");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/can't be deployed to this account as it is:\n {2}- .*dbward\/local\/missing/);
    const { Stacks } = await account.cloudFormation.send(new DescribeStacksCommand({}));
    expect(Stacks).toEqual([]);
  });

  it("fails with a server that ends at once, and keeps its state", { timeout: 10 * MINUTE }, async () => {
    const configFile = join(import.meta.dirname, "settings/refused.server.toml");
    const { exitCode } = await run({ server: { configFile } }, "deploy");
    expect(exitCode).toBe(1);
    const { stacks } = await stage.status();
    expect(stacks.map(({ name, status }) => [name, status])).toEqual([
      [account.names.stack("State"), "CREATE_COMPLETE"],
      [account.names.stack("Server"), "ROLLBACK_COMPLETE"],
    ]);
  });

  it("is deployed after that, in an account that it has bootstrapped itself", {
    timeout: 10 * MINUTE,
  }, async () => {
    const said = await deploy();
    expect(said).toMatch(/^Account 000000000000, region us-east-1, by /m);
    expect(said).toContain(`Deleted what a failed first deployment left of ${account.names.stack("Server")}`);
    expect(await stage.steady()).toEqual([]);
    const { stacks } = await stage.status();
    expect(stacks.map(({ name, status }) => [name, status])).toEqual(
      STACK_IDS.map((id) => [account.names.stack(id), expect.stringMatching(/^(CREATE|UPDATE)_COMPLETE$/)]),
    );
    for (const name of secretNames()) {
      tokens[name] = await account.secret(name);
      // A boolean, so that a failure doesn't print the value.
      expect(TOKEN_PATTERN.test(tokens[name]), name).toBe(true);
    }
  });

  it("changes storage, capture and load balancer, exports in use included", {
    timeout: 10 * MINUTE,
  }, async () => {
    await deploy(CHANGED);
    expect(await stage.steady()).toEqual([]);
  });

  it("changes them back", { timeout: 10 * MINUTE }, async () => {
    await deploy();
    expect(await stage.steady()).toEqual([]);
    await expect(
      server.listTokens({ token: tokens[account.names.adminTokenSecret]! }),
    ).resolves.toBeInstanceOf(Array);
  });

  it("refuses what can't change", { timeout: 5 * MINUTE }, async () => {
    const { exitCode, stderr } = await run({ network: { cidr: "10.77.0.0/16" } }, "deploy");
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/network\.cidr/)]);
  });

  it("is removed, and what stays is named", { timeout: 10 * MINUTE }, async () => {
    kept = await outputsOf("State");
    const { exitCode, stderr } = await run({}, "destroy", "--force");
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/stays in the account\. .*: pnpm ops cleanup --stage local$/m);
    expect((await stage.status()).stacks).toEqual([]);
  });

  it("is refused without the state that was kept", { timeout: 5 * MINUTE }, async () => {
    const { exitCode, stderr } = await run({}, "deploy");
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(kept.FileSystemId!)]);
  });

  it("is deployed again on the kept state, with the same tokens", { timeout: 10 * MINUTE }, async () => {
    await deploy({ state: { fileSystemId: kept.FileSystemId! }, storage: { bucketName: kept.BucketName! } });
    expect(await stage.steady()).toEqual([]);
    const admin = tokens[account.names.adminTokenSecret]!;
    expect((await account.secret(account.names.adminTokenSecret)) === admin).toBe(true);
    const agentToken = account.names.agentTokenSecret({ name: "app", token: "bootstrap" });
    expect((await account.secret(agentToken)) === tokens[agentToken]).toBe(true);
    await expect(server.listTokens({ token: admin })).resolves.toBeInstanceOf(Array);
  });

  it("has printed no token", () => {
    expect(printed.some((text) => Object.values(tokens).some((token) => text.includes(token)))).toBe(false);
  });
});
