import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UpdateTerminationProtectionCommand } from "@aws-sdk/client-cloudformation";
import { stageNames, TOKEN_PATTERN } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { freePort } from "@dbward-aws/local-account";
import { type LocalStage, redeploy, type StageStatus, startLocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assemblyDifferences, templatesIn } from "../infra/test-support/assemblies.ts";
import { Account, eventually } from "./support/account.ts";
import { accountText } from "./support/account-text.ts";
import { documented } from "./support/documented.ts";
import { ops, opsOnTerminal, sstBuild, startOps, synth } from "./support/run-command.ts";
import { createRequest, requestExecuted } from "./support/server-api.ts";
import { CHROMIUM, openPage, type StagePage } from "./support/stage-page.ts";
import { STAND_IN } from "./support/stand-in.ts";
import { filesWith, holds, workspaceLogs } from "./support/written-files.ts";

const ROOT = join(import.meta.dirname, "..");
const DIRECTORY = join(ROOT, ".local", "e2e");
const NAMES = stageNames("local");
const AGENT = "app";
const AGENT_SERVICE = NAMES.agentService(AGENT);
const AGENT_TOKEN_SECRET = NAMES.agentTokenSecret({ name: AGENT, token: "bootstrap" });
const TOKEN_SECRETS = [NAMES.adminTokenSecret, AGENT_TOKEN_SECRET, NAMES.metricsTokenSecret];
const MINUTE = 60_000;
/** A minute of schedules and alarms takes ten seconds. */
const SPEED = 6;

/** One story: each test builds on the ones before it. */
describe.sequential("dbward on the local stage", () => {
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  let deployed: StageStatus;
  const tokens: Record<string, string> = {};
  const adminToken = () => tokens[NAMES.adminTokenSecret]!;

  beforeAll(async () => {
    await rm(DIRECTORY, { recursive: true, force: true });
    stage = await startLocalStage({
      root: ROOT,
      directory: DIRECTORY,
      build: false,
      standIn: STAND_IN,
      speed: SPEED,
    });
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
    const agentToken = tokens[AGENT_TOKEN_SECRET]!;
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
      return metrics.AgentCapacity?.value === 4 ? metrics : undefined;
    }, 2.5 * MINUTE);
    expect(status).toMatchObject({
      ServerReachable: { value: 1 },
      TokenAccepted: { value: 1 },
      QueueDepth: { value: 0 },
      AgentsOffline: { value: 0 },
      AgentCapacity: { value: 4 },
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

  describe("from a machine that can't reach the server's network", () => {
    it("asks the server which tokens it accepts", { timeout: 5 * MINUTE }, async () => {
      const { exitCode, stdout, stderr } = await ops(
        stage,
        ROOT,
        ...documented("pnpm ops tokens --stage prod"),
      );
      expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^Account \d+, region \S+, by .*$/m)]);
      expect(stdout.match(/ works /g)).toHaveLength(TOKEN_SECRETS.length);
    });

    it("runs a program with the server's address and a token, and returns its exit code", {
      timeout: 5 * MINUTE,
    }, async () => {
      const program = `const { DBWARD_SERVER_URL: url, DBWARD_TOKEN: token } = process.env;
        const answer = await fetch(url + "/api/agents", { headers: { authorization: "Bearer " + token } });
        console.log(answer.status, (await answer.json()).agents.length); process.exitCode = 42;`;
      // The page has dbward's own command line, which this machine may not have.
      const shown = documented("pnpm ops with-server --as admin --stage prod -- dbward token list");
      const words = [
        ...shown.slice(0, shown.indexOf("--") + 1),
        process.execPath,
        "--input-type=module",
        "-e",
      ];
      const end = await ops(stage, ROOT, ...words, program);
      expect(end).toMatchObject({ exitCode: 42, stdout: "200 1\n" });
      expect(holds(end.stderr, Object.values(tokens))).toBe(false);
    });

    it("keeps a port open to the server, and one to a host that refuses", {
      timeout: 5 * MINUTE,
    }, async () => {
      const localPort = String(await freePort());
      const tunnel = documented("pnpm ops tunnel --stage prod --port 3000", { 3000: localPort });
      const { child, firstLine, ended } = await startOps(stage, ROOT, ...tunnel);
      const url = `http://127.0.0.1:${localPort}`;
      expect(firstLine).toContain(url);
      expect((await fetch(`${url}/health`)).status).toBe(200);
      child.kill("SIGINT");
      expect(await ended).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(`export DBWARD_SERVER_URL=${url}`),
      });

      const other = await startOps(
        stage,
        ROOT,
        ...documented("pnpm ops tunnel --stage prod --to db.internal:5432", {
          "db.internal:5432": "127.0.0.1:9",
        }),
      );
      const port = /^127\.0\.0\.1:(\d+)/.exec(other.firstLine)![1];
      await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
      other.child.kill("SIGTERM");
      expect(await other.ended).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining("The connection to localhost:9 of the task failed"),
      });
    });

    it("runs a command in the server's container, byte for byte", { timeout: 5 * MINUTE }, async () => {
      const script = "printf 'a\\tb\\r\\n'; echo warned >&2; exit 3";
      const end = await ops(stage, ROOT, "run", "server", "--", "sh", "-c", script);
      expect(end).toMatchObject({ exitCode: 3, stdout: "a\tb\r\n" });
      expect(end.stderr).toMatch(/^warned$/m);
      const agent = await ops(stage, ROOT, "run", "agent", AGENT, "--", "true");
      expect([agent.exitCode, agent.stderr]).toEqual([
        1,
        expect.stringMatching(/Set `ecsExec: true` for the agent/),
      ]);
    });

    it.skipIf(!existsSync("/usr/bin/script"))("opens a shell in it", { timeout: 5 * MINUTE }, async () => {
      const end = await opsOnTerminal(
        stage,
        ROOT,
        documented("pnpm ops shell --stage prod"),
        "stty size; exit 17\n",
      );
      expect([end.exitCode, end.stdout]).toEqual([17, expect.stringContaining("30 100")]);
    });
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

    it("says what it costs, what watches included", { timeout: 10 * MINUTE }, async () => {
      const { stdout } = await ops(
        stage,
        ROOT,
        ...documented("pnpm ops cost --stage prod"),
        "--no-build",
        "--json",
      );
      const { total, parts } = JSON.parse(stdout) as {
        total: number;
        parts: { part: string; usd: number }[];
      };
      expect(total).toBeGreaterThan(100);
      const shownSum = readFileSync(join(ROOT, "docs/monitoring.md"), "utf8").match(
        /\*\*Sum\*\* \| ([\d.]+) USD/,
      );
      expect(parts).toContainEqual({ part: "monitoring", usd: Number(shownSum?.[1]) });
    });

    it("raises the alarms of an agent that is gone", { timeout: 25 * MINUTE }, async () => {
      await eventually(
        async () => (await account.alarmState("agents-offline")) === "ALARM" || undefined,
        20 * MINUTE,
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
      await requestExecuted(stage.serverUrl, adminToken(), request, MINUTE);
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

  it("is deployed by one command, which waits until it works", { timeout: 20 * MINUTE }, async () => {
    const end = await ops(
      stage,
      stage.view,
      ...documented("pnpm ops deploy --stage prod"),
      "--yes",
      "--no-build",
    );
    expect([end.exitCode, end.stdout]).toEqual([
      0,
      expect.stringMatching(/runs \S+, and accepts all agents\.$/m),
    ]);
    expect(holds(end.stdout + end.stderr, Object.values(tokens))).toBe(false);
  });

  it("shows no token to whoever may read all but secrets", async () => {
    const shown = await accountText(account);
    expect(shown.size).toBeGreaterThan(20);
    expect(
      [...shown].filter(([, text]) => holds(text, Object.values(tokens))).map(([where]) => where),
    ).toEqual([]);
  });

  it("removes what it made, keeps the data, and says so", { timeout: 5 * MINUTE }, async () => {
    // As a deployment does to every stage but the local one.
    await account.cloudFormation.send(
      new UpdateTerminationProtectionCommand({
        StackName: NAMES.stack("Server"),
        EnableTerminationProtection: true,
      }),
    );
    const refused = await ops(stage, ROOT, ...documented("pnpm ops remove --stage prod"), "--yes");
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("--confirm local")]);
    const { exitCode, stdout } = await ops(stage, ROOT, "remove", "--confirm", "local");
    expect(exitCode).toBe(0);
    expect((await stage.status()).stacks).toEqual([]);
    expect(stdout).toMatch(/^Stays: File system fs-\w+, 0\.3 USD per GiB and month$/m);
    expect(stdout).toMatch(/^Stays: Bucket \S+-resultsbucket\S+, 0\.023 USD per GiB and month$/m);
  });

  it("deletes the data too, once the stage is named", { timeout: 5 * MINUTE }, async () => {
    const { exitCode } = await ops(stage, ROOT, "remove", "--purge", "--confirm", "local");
    expect(exitCode).toBe(0);
    expect((await ops(stage, ROOT, "cleanup")).stdout).toBe("Nothing of stage local is left.\n");
  });

  it("has written no token anywhere but into the account's own stores", async () => {
    expect(Object.keys(tokens)).toHaveLength(TOKEN_SECRETS.length);
    const folders = [DIRECTORY, ...(await workspaceLogs(ROOT))].filter((folder) => existsSync(folder));
    const found = await Promise.all(folders.map((folder) => filesWith(Object.values(tokens), folder)));
    expect(found.flat()).toEqual([]);
  });
});
