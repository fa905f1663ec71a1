import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { stageNames, TOKEN_PATTERN } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { type LocalStage, type StageStatus, startLocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { createRequest, requestStatus } from "./support/requests.ts";
import { filesWith } from "./support/written-files.ts";

const ROOT = join(import.meta.dirname, "..");
const DIRECTORY = join(ROOT, ".local", "e2e");
const NAMES = stageNames("local");
const AGENT = "app";
const AGENT_SERVICE = NAMES.agentService(AGENT);
const TOKEN_SECRETS = [NAMES.adminTokenSecret, NAMES.agentTokenSecret(AGENT, true), NAMES.metricsTokenSecret];
const MINUTE = 60_000;

/** One story, told in order: each part stands on what the former ones left. */
describe.sequential("dbward on the local stage", () => {
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  let deployed: StageStatus;
  const tokens: Record<string, string> = {};
  const adminToken = () => tokens[NAMES.adminTokenSecret]!;

  beforeAll(async () => {
    await rm(DIRECTORY, { recursive: true, force: true });
    stage = await startLocalStage({ root: ROOT, directory: DIRECTORY, build: false, standIn: true });
    account = new Account(stage);
    server = new DbwardClient({ url: stage.serverUrl });
  }, 5 * MINUTE);

  afterAll(async () => {
    account?.close();
    await stage?.close();
  }, MINUTE);

  it("deploys from nothing", { timeout: 5 * MINUTE }, async () => {
    await stage.deploy();
    deployed = await stage.status();
    expect(deployed.stacks.map(({ name, status }) => [name, status])).toEqual(
      (["State", "Server", "Agents", "Monitoring"] as const).map((id) => [
        NAMES.stack(id),
        "CREATE_COMPLETE",
      ]),
    );
    expect(deployed.services).toMatchObject([
      { name: NAMES.serverService, desired: 1, running: 1 },
      { name: AGENT_SERVICE, desired: 1 },
    ]);
  });

  it("has captured every token into its secret", async () => {
    expect(deployed.secrets.map(({ name, captured }) => [name, captured])).toEqual(
      [...TOKEN_SECRETS].sort().map((name) => [name, true]),
    );
    for (const name of TOKEN_SECRETS) {
      tokens[name] = await account.secret(name);
      // A boolean, so that a failure doesn't print the value.
      expect(TOKEN_PATTERN.test(tokens[name]), name).toBe(true);
    }
    expect(new Set(Object.values(tokens)).size).toBe(TOKEN_SECRETS.length);
  });

  it("has captured tokens that do what they are for, and no more", async () => {
    const metricsToken = tokens[NAMES.metricsTokenSecret]!;
    const agentToken = tokens[NAMES.agentTokenSecret(AGENT, true)]!;
    await expect(server.listTokens({ token: adminToken() })).resolves.toBeInstanceOf(Array);
    await expect(server.agents({ token: metricsToken })).resolves.toHaveLength(1);
    await expect(server.listTokens({ token: metricsToken })).rejects.toMatchObject({ status: 403 });
    await expect(server.agents({ token: agentToken })).rejects.toMatchObject({ status: 403 });
  });

  it("shows the agent as healthy", async () => {
    await eventually(async () => {
      const [agent] = await server.agents({ token: adminToken() });
      return agent?.status === "healthy" || undefined;
    }, MINUTE);
  });

  it("brings metrics by the schedule, unasked", { timeout: 3 * MINUTE }, async () => {
    const status = await eventually(async () => {
      const { metrics } = await stage.status();
      return metrics.AgentsHealthy?.value === 1 ? metrics : undefined;
    }, 2.5 * MINUTE);
    expect(status).toMatchObject({
      ServerReachable: { value: 1 },
      TokenAccepted: { value: 1 },
      QueueDepth: { value: 0 },
      AgentCapacity: { value: 4 },
      ServerTasksRunning: { value: 1 },
    });
  });

  it("never shows a token in its status", async () => {
    const status = JSON.stringify(await stage.status());
    expect(Object.keys(tokens).filter((name) => status.includes(tokens[name]!))).toEqual([]);
  });

  describe("when the agent is stopped", () => {
    let request: string;
    let stoppedAt: Date;

    it("lets requests pile up, and shows it", { timeout: 3 * MINUTE }, async () => {
      await account.scale(AGENT_SERVICE, 0);
      stoppedAt = new Date();
      request = await createRequest(stage.serverUrl, adminToken(), "select 1");
      await stage.poll();
      await eventually(
        async () => (await account.metric("QueueDepth", stoppedAt)) === 1 || undefined,
        MINUTE,
      );
    });

    it("raises the alarms of an agent that is gone", { timeout: 5 * MINUTE }, async () => {
      await eventually(
        async () => (await account.alarmState("agents-offline")) === "ALARM" || undefined,
        4.5 * MINUTE,
      );
      expect(await account.metric("AgentsOffline", stoppedAt)).toBe(1);
    });

    it("works the queue off once the agent is back, and clears the alarm", {
      timeout: 5 * MINUTE,
    }, async () => {
      await account.scale(AGENT_SERVICE, 1);
      await eventually(
        async () =>
          (await requestStatus(stage.serverUrl, adminToken(), request)) === "succeeded" || undefined,
        MINUTE,
      );
      const backAt = new Date();
      await stage.poll();
      await eventually(async () => (await account.metric("QueueDepth", backAt)) === 0 || undefined, MINUTE);
      await eventually(
        async () => (await account.alarmState("agents-offline")) === "OK" || undefined,
        4 * MINUTE,
      );
    });
  });

  it("changes no secret when it is deployed again", { timeout: 5 * MINUTE }, async () => {
    const before = (await stage.status()).secrets;
    const [serverTask] = await account.tasks(NAMES.serverService);
    await stage.deploy();
    expect((await stage.status()).secrets).toEqual(before);
    expect((await account.tasks(NAMES.serverService))[0]?.taskArn).toBe(serverTask?.taskArn);
  });

  it("replaces the server for a new image tag, one writer at any time", { timeout: 5 * MINUTE }, async () => {
    const secrets = (await stage.status()).secrets;
    const [before] = await account.tasks(NAMES.serverService);
    await stage.deploy({ env: { DBWARD_SERVER_TAG: "0.2.1" } });
    const after = await eventually(async () => {
      const task = (await account.tasks(NAMES.serverService)).find(
        ({ lastStatus }) => lastStatus === "RUNNING",
      );
      return task && task.taskArn !== before?.taskArn ? task : undefined;
    }, MINUTE);
    expect(after.containers?.[0]?.image).toMatch(/:0\.2\.1$/);
    const stopped = (await account.tasks(NAMES.serverService)).find(
      ({ taskArn }) => taskArn === before?.taskArn,
    );
    expect(stopped?.lastStatus).toBe("STOPPED");
    expect(Number(stopped?.executionStoppedAt)).toBeLessThanOrEqual(Number(after.startedAt));

    await expect(server.listTokens({ token: adminToken() })).resolves.toBeInstanceOf(Array);
    expect((await stage.status()).secrets).toEqual(secrets);
  });

  it("removes what it made, keeps the data, and says so", { timeout: 5 * MINUTE }, async () => {
    await stage.remove();
    expect((await stage.status()).stacks).toEqual([]);
    const said = await readFile(join(DIRECTORY, "logs", "remove.log"), "utf8");
    expect(said).toMatch(/Stays in the account: AWS::EFS::FileSystem/);
    expect(said).toMatch(/Stays in the account: AWS::S3::Bucket/);
  });

  it("has written no token anywhere but into the account's own stores", async () => {
    expect(Object.keys(tokens)).toHaveLength(TOKEN_SECRETS.length);
    expect(await filesWith(Object.values(tokens), DIRECTORY)).toEqual([]);
  });
});
