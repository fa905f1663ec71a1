import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { stageNames, TOKEN_PATTERN } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { type LocalStage, redeploy, type StageStatus, startLocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assemblyDifferences, templatesIn } from "../infra/test-support/assemblies.ts";
import { Account, eventually } from "./support/account.ts";
import { accountText } from "./support/account-text.ts";
import { createRequest, requestStatus } from "./support/requests.ts";
import { sstBuild, synth } from "./support/run-command.ts";
import { CHROMIUM, openPage, type StagePage } from "./support/stage-page.ts";
import { filesWith, holds, workspaceLogs } from "./support/written-files.ts";

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
    expect(await stage.steady()).toEqual([]);
    deployed = await stage.status();
    expect(deployed.stacks.map(({ name, status }) => [name, status])).toEqual(
      (["State", "Server", "Agents", "Monitoring"] as const).map((id) => [
        NAMES.stack(id),
        "CREATE_COMPLETE",
      ]),
    );
    expect(deployed.services).toMatchObject([
      { name: NAMES.serverService, desired: 1, running: 1 },
      { name: AGENT_SERVICE, desired: 1, running: 1 },
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
      AgentsUnexpected: { value: 0 },
      AgentCapacity: { value: 4 },
      ServerTasksRunning: { value: 1 },
    });
  });

  it("tells its status in the form that scripts rely on, without a token", async () => {
    const text = JSON.stringify(await stage.status("http://127.0.0.1:1/"));
    expect(holds(text, Object.values(tokens))).toBe(false);
    const status = JSON.parse(text) as StageStatus;
    const some = expect.any(String);
    const shape = {
      stage: "local",
      endpoint: stage.endpoint,
      ecsEndpoint: stage.ecsEndpoint,
      serverUrl: stage.serverUrl,
      stacks: status.stacks.map(() => ({ name: some, status: some })),
      services: status.services.map(() => ({
        name: some,
        desired: expect.any(Number),
        running: expect.any(Number),
        command: some,
        implementation: some,
      })),
      secrets: status.secrets.map(() => ({ name: some, captured: true, versionId: some })),
      metrics: Object.fromEntries(
        Object.keys(status.metrics).map((name) => [
          name,
          { value: expect.any(Number), timestamp: expect.stringMatching(/^\d{4}-.*T.*Z$/) },
        ]),
      ),
      alarms: status.alarms.map(() => ({
        name: some,
        state: expect.stringMatching(/^(OK|ALARM|INSUFFICIENT_DATA)$/),
      })),
      dashboardUrl: "http://127.0.0.1:1/",
    };
    expect(status).toStrictEqual(shape);
    expect(Object.keys(status)).toEqual(Object.keys(shape));
    expect(status.alarms.length).toBeGreaterThan(10);
  });

  describe("when the agent is stopped", () => {
    let request: string;
    let stoppedAt: Date;
    let page: StagePage | undefined;

    afterAll(() => page?.close());

    it("lets requests pile up, and shows it", { timeout: 3 * MINUTE }, async () => {
      if (CHROMIUM) {
        page = await openPage(stage);
        await page.shows('[data-alarm="agents-offline"]:not([data-state="ALARM"])');
      }
      await account.scale(AGENT_SERVICE, 0);
      stoppedAt = new Date();
      request = await createRequest(stage.serverUrl, adminToken(), "select 1");
      await stage.poll();
      await eventually(
        async () => (await account.metric("QueueDepth", stoppedAt)) === 1 || undefined,
        MINUTE,
      );
    });

    // Meanwhile the server finds out that its agent is gone, which takes it a minute.
    it("has the same templates whether SST or the CDK makes them", { timeout: 3 * MINUTE }, async () => {
      const [bySst, byCdk] = [join(DIRECTORY, "build"), join(DIRECTORY, "synth")];
      const ends = [
        await sstBuild(stage, "--stage", "prod", "--to", bySst),
        await synth("--stage", "prod", "--out", byCdk),
      ];
      expect(ends.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(
        ends.map(() => [0, expect.any(String)]),
      );
      expect(templatesIn(byCdk).size).toBe(4);
      expect(assemblyDifferences(bySst, byCdk)).toEqual([]);
    });

    it("raises the alarms of an agent that is gone", { timeout: 5 * MINUTE }, async () => {
      await eventually(
        async () => (await account.alarmState("agents-offline")) === "ALARM" || undefined,
        4.5 * MINUTE,
      );
      expect(await account.metric("AgentsOffline", stoppedAt)).toBe(1);
    });

    it.skipIf(!CHROMIUM)("turns the tile and the alarm on the page", { timeout: MINUTE }, async () => {
      await page!.shows('[data-alarm="agents-offline"][data-state="ALARM"]');
      await page!.shows('[data-metric="AgentsOffline"]:text-is("1")');
      expect(holds(await page!.content(), Object.values(tokens))).toBe(false);
    });

    it("works the queue off once the agent is back, and clears the alarm", {
      timeout: 5 * MINUTE,
    }, async () => {
      await account.scale(AGENT_SERVICE, 1);
      await eventually(
        async () => (await requestStatus(stage.serverUrl, adminToken(), request)) === "executed" || undefined,
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

  it("changes no secret when it is deployed again, by another process", { timeout: 5 * MINUTE }, async () => {
    const before = (await stage.status()).secrets;
    const [serverTask] = await account.tasks(NAMES.serverService);
    const { signal } = new AbortController();
    await redeploy({
      root: ROOT,
      directory: DIRECTORY,
      stage: stage.stage,
      access: stage,
      build: false,
      signal,
    });
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

  it("shows no token to whoever may read all but secrets", async () => {
    const shown = await accountText(account);
    expect(shown.size).toBeGreaterThan(20);
    expect(
      [...shown].filter(([, text]) => holds(text, Object.values(tokens))).map(([where]) => where),
    ).toEqual([]);
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
    const folders = [DIRECTORY, ...(await workspaceLogs(ROOT))].filter((folder) => existsSync(folder));
    const found = await Promise.all(folders.map((folder) => filesWith(Object.values(tokens), folder)));
    expect(found.flat()).toEqual([]);
  });
});
