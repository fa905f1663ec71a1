import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EFSClient } from "@aws-sdk/client-efs";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { METRICS_USER } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { BackupPeer } from "./support/backup-peer.ts";
import { DATABASE_URL } from "./support/changes.ts";
import { documented } from "./support/documented.ts";
import { withAgents, withField, withoutAgent, withServer } from "./support/edit-settings.ts";
import { createOrdersDatabase } from "./support/orders-database.ts";
import { enableDnsHostnames, type Platform } from "./support/platform.ts";
import { ProcessArguments } from "./support/process-arguments.ts";
import { type Registry, startRegistry } from "./support/registry.ts";
import { type CommandEnd, ops } from "./support/run-command.ts";
import {
  createRequest,
  healthyAgentCapabilities,
  requestExecuted,
  requestStatus,
} from "./support/server-api.ts";
import { StageWatch, type Step } from "./support/stage-watch.ts";
import { REFUSED_ROLE } from "./support/stand-in.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-drill");
const PROJECT = join(DIRECTORY, "project");
const SETTINGS = join(PROJECT, "dbward.config.ts");
const SERVER_TOML = join(PROJECT, "config/drill.server.toml");
const AGENT_TOML = join(PROJECT, "config/drill.orders.toml");
const VERSIONS = join(PROJECT, "config/versions.json");
const URL_SECRET = "dbward/drill/database-url";
const ROLE_SECRET = "dbward/drill/auditors-role";
const MINUTE = 60_000;
/** A minute of schedules and alarms takes fifteen seconds. */
const SPEED = 4;

/** A database in server.toml from which people read without an approval. */
const database = (name: string) => `
[[databases]]
name = "${name}"
environments = ["drill"]

[[workflows]]
database = "${name}"
environment = "drill"
operations = ["execute_select"]

[workflows.auto_approve]
mode = "always"
`;

/** Accepted before a deployment, and refused by the server: the secret holds no name of a role. */
const GROUP = `
[[auth.groups]]
name = "auditors"
roles = ["\${AUDITORS_ROLE}"]
`;

/** Ids of what holds the data of a stage. */
interface KeptState {
  readonly bucket: string;
  readonly fileSystem: string;
  readonly vault: string;
}

/**
 * The life of a stage: each step builds on the ones before it. After each one it is certain that no two tasks of the
 * server ran at the same time, that no token is anywhere but in its secret, and that the alarms that rang are the
 * right ones.
 */
describe.sequential("the life of a stage", () => {
  let backup: BackupPeer;
  let registry: Registry;
  let first: LocalStage;
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  let efs: EFSClient;
  let platform: Platform;
  let url: string;
  let watch: StageWatch;
  /** A request that is in every state of the server. */
  let request: string;
  /** The administrator's token of the server's first start. */
  let firstToken: string;
  /** What holds data, and what did before the restore. */
  let state: KeptState;
  let former: KeptState;

  beforeAll(async () => {
    backup = await BackupPeer.start(join(DIRECTORY, "efs"));
    registry = await startRegistry();
    first = await startStory(DIRECTORY, "example.config.ts", {
      speed: SPEED,
      env: { AWS_ENDPOINT_URL_BACKUP: backup.url },
    });
    stage = await first.beside("drill");
    account = new Account(stage);
    server = new DbwardClient({ url: stage.serverUrl });
    watch = new StageWatch(account, DIRECTORY);
    efs = new EFSClient(stage.clientConfig());
    backup.useAccount(efs);
    platform = await createOrdersDatabase(stage);
    // The database of this machine takes the place of the one in the VPC.
    url = await eventually(() => account.secret(DATABASE_URL), MINUTE);
  }, 5 * MINUTE);

  afterAll(async () => {
    watch?.close();
    server?.close();
    efs?.destroy();
    account?.close();
    await first?.close();
    await registry?.close();
    await backup?.close();
  }, MINUTE);

  const step = (name: string, expected: Step, work: () => Promise<void>) =>
    it(name, { timeout: 20 * MINUTE }, async () => {
      const since = new Date();
      await work();
      await watch.check(expected, since);
    });

  const run = async (...args: string[]): Promise<CommandEnd> => {
    const end = await ops(stage, stage.view, ...args);
    watch.note(end);
    return end;
  };
  /** Runs a command that changes something. @returns what it printed as JSON */
  const done = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { exitCode, stdout, stderr } = await run(...args, "--yes", "--json");
    expect([exitCode, stderr], args.join(" ")).toEqual([0, expect.any(String)]);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const deploy = () => done("deploy", "--no-build");
  const change = (file: string, edit: (text: string) => string) => {
    const before = readFileSync(file, "utf8");
    const after = edit(before);
    expect(after).not.toBe(before);
    writeFileSync(file, after);
  };

  const admin = () => account.secret(account.names.adminTokenSecret);
  const ask = async (database: string) =>
    createRequest(stage.serverUrl, await admin(), "select 1", { database, environment: "drill" });
  const executed = async (id: string) => requestExecuted(stage.serverUrl, await admin(), id, 2 * MINUTE);
  const healthyAgents = async (...wanted: string[]) =>
    eventually(async () => {
      const rows = await server.agents({ token: await admin() });
      const healthy = rows.flatMap(({ id, status }) => (status === "healthy" ? [id] : []));
      return wanted.every((id) => healthy.includes(id)) || undefined;
    }, 2 * MINUTE);
  const everyTokenWorks = async () => {
    const { exitCode, stdout } = await run("tokens", "list");
    expect([exitCode, stdout.match(/ works /g)?.length]).toEqual([0, 4]);
  };
  /** Tokens that the server has issued, and that are in no secret. */
  const unusedTokens = async () => {
    const { stdout } = await run("tokens", "list", "--json");
    const { issued } = JSON.parse(stdout) as {
      issued: { readonly id: string; readonly subject: string; readonly usedBy?: string }[];
    };
    return issued.filter(({ usedBy }) => usedBy === undefined);
  };
  const keptState = async (): Promise<KeptState> => {
    const outputs = await account.outputs(account.names.stack("State"));
    return {
      bucket: outputs.BucketName!,
      fileSystem: outputs.FileSystemId!,
      vault: outputs.BackupVaultName!,
    };
  };
  const alarmIs = (id: string, state: "ALARM" | "OK") =>
    eventually(async () => (await account.alarmState(id)) === state || undefined, 10 * MINUTE);

  describe("January: it is planned by ops init", () => {
    const init = async (...args: string[]) => {
      const access = { ...stage, environment: { ...stage.environment, DBWARD_DATABASE_URL: url } };
      const end = await ops(access, PROJECT, "init", "--database", "orders-db", "--yes", ...args);
      watch.note(end);
      expect(end.stdout + end.stderr).not.toContain(url);
      return end;
    };

    step("which writes nothing in a dry run", {}, async () => {
      const written = readFileSync(SETTINGS, "utf8");
      const { exitCode, stdout, stderr } = await init("--dry-run");
      expect(exitCode, stderr).toBe(0);
      expect(stdout).toContain(`Create secret ${URL_SECRET}`);
      expect(readFileSync(SETTINGS, "utf8")).toBe(written);
      await expect(account.secret(URL_SECRET)).rejects.toThrow();
    });

    step("which says what the account lacks", {}, async () => {
      const { exitCode, stderr } = await init();
      expect([exitCode, stderr]).toEqual([
        1,
        expect.stringMatching(
          /Stage drill is written, and can't be deployed yet:\n {2}- .*DNS host names off/,
        ),
      ]);
      const settings = readFileSync(SETTINGS, "utf8");
      for (const id of [platform.vpcId, ...platform.subnets, platform.group]) expect(settings).toContain(id);
      expect(settings).toContain("// An example, with one agent.\n    local: {");
      expect(await account.secret(URL_SECRET)).toBe(url);
    });

    step("which checks it again in a second run, and changes no settings", {}, async () => {
      const written = readFileSync(SETTINGS, "utf8");
      const ec2 = new EC2Client(stage.clientConfig());
      await enableDnsHostnames(ec2, platform.vpcId);
      ec2.destroy();
      const { exitCode, stdout, stderr } = await init("--json");
      expect(exitCode, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ status: "done", secrets: [] });
      expect(readFileSync(SETTINGS, "utf8")).toBe(written);
    });
  });

  step("January: it is deployed, and its agent serves the database", { serverTasks: 1 }, async () => {
    change(VERSIONS, (text) =>
      JSON.stringify({ ...JSON.parse(text), drill: { server: "0.1.9", agents: "0.1.9" } }),
    );
    change(SETTINGS, (text) => {
      const secrets = { AUDITORS_ROLE: ROLE_SECRET };
      const changed = withServer(text, "drill", { registry: registry.host, secrets });
      return withField(changed, "drill", 'monitoring: { level: "full" },');
    });
    await account.secretsManager.send(
      new CreateSecretCommand({ Name: ROLE_SECRET, SecretString: "no role's name" }),
    );
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
    firstToken = await admin();
    backup.vaults.add((await keptState()).vault);
    expect(await healthyAgentCapabilities(stage.serverUrl, await admin(), MINUTE)).toEqual({
      scopes: [{ database: "orders", environment: "drill" }],
    });
    await executed(await ask("orders"));
  });

  step("February: its configuration has further databases", { serverTasks: 1 }, async () => {
    change(SERVER_TOML, (text) => text + database("reports") + database("audit"));
    await deploy();
    await executed(await ask("orders"));
  });

  step("March: two agents are added, and the server goes on", {}, async () => {
    const others = ["reports", "audit"];
    for (const name of others)
      writeFileSync(
        join(PROJECT, `config/drill.${name}.toml`),
        readFileSync(AGENT_TOML, "utf8").replace("[databases.orders.", `[databases.${name}.`),
      );
    change(SETTINGS, (text) => withAgents(text, "drill", others));
    await deploy();
    await healthyAgents("agent", ...others);
    for (const name of others) await executed(await ask(name));
  });

  step("April: one agent is removed, and the others go on", {}, async () => {
    change(SETTINGS, (text) => withoutAgent(text, "drill", "audit"));
    await deploy();
    await expect(account.secret("dbward/drill/agent-token/audit")).rejects.toThrow();
    await healthyAgents("agent", "reports");
  });

  step(
    "May: an agent hangs, then the server, which is killed: the alarms ring, and clear",
    {
      serverTasks: 1,
      rings: ["agents-offline", "queue-not-draining", "server-unreachable", "down"],
    },
    async () => {
      const hanging = await signalTask(account.names.agentService("reports"), "SIGSTOP");
      const waiting = await ask("reports");
      await alarmIs("queue-not-draining", "ALARM");
      // The deployment of April explains a missing agent for two minutes after its end.
      await alarmIs("agents-offline", "ALARM");
      await signalTask(account.names.serverService, "SIGSTOP");
      await alarmIs("down", "ALARM");
      await signalTask(account.names.serverService, "SIGKILL");
      await alarmIs("down", "OK");
      for (const pid of hanging) process.kill(pid, "SIGCONT");
      await executed(waiting);
      for (const id of ["agents-offline", "queue-not-draining", "server-unreachable"])
        await alarmIs(id, "OK");
    },
  );

  step(
    "June: the poller's token is revoked by mistake, and replaced",
    { rings: ["token-refused"] },
    async () => {
      const [row] = (await server.listTokens({ token: await admin() })).filter(
        ({ subjectId, status }) => subjectId === METRICS_USER && status === "active",
      );
      await server.revokeToken(row!.id, { token: await admin() });
      await alarmIs("token-refused", "ALARM");
      await done("tokens", "rotate", "metrics");
      await alarmIs("token-refused", "OK");
    },
  );

  step("July: tokens of an agent and of the administrator are rotated", {}, async () => {
    for (const owner of ["reports", "admin"]) await done("tokens", "rotate", owner);
    await healthyAgents("agent", "reports");
    await everyTokenWorks();
  });

  step("August: it is upgraded, after a backup", { serverTasks: 1 }, async () => {
    const words = documented("pnpm ops upgrade 0.3.0 --pin --stage prod", { "0.3.0": "0.2.0" });
    expect(await done(...words, "--no-build")).toMatchObject({
      status: "done",
      version: "0.2.0",
      recoveryPoint: expect.stringContaining("point-1"),
    });
    expect(await server.health()).toMatchObject({ version: "0.2.0" });
    const pinned = expect.stringMatching(/^0\.2\.0@sha256:[0-9a-f]{64}$/);
    expect(JSON.parse(readFileSync(VERSIONS, "utf8")).drill).toEqual({ server: pinned, agents: pinned });
    for (const service of ["orders", "reports"].map(account.names.agentService)) {
      const [task] = (await account.tasks(service)).filter(({ lastStatus }) => lastStatus === "RUNNING");
      expect(task?.containers?.[0]?.image).toMatch(/:0\.2\.0@sha256:[0-9a-f]{64}$/);
    }
    await healthyAgents("agent", "reports");
    expect(await done("upgrade", "0.2.0", "--no-build")).toMatchObject({ status: "nothing-to-do" });
  });

  step("September: an upgrade fails, and ECS puts the former version back", { serverTasks: 4 }, async () => {
    change(SERVER_TOML, (text) => text + GROUP);
    const before = readFileSync(VERSIONS, "utf8");
    const words = documented("pnpm ops upgrade 0.3.0 --stage prod");
    const { exitCode, stderr } = await run(...words, "--yes", "--no-build");
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/The server was not upgraded to 0\.3\.0/)]);
    expect((await run("logs", "server", "--since", "15m")).stdout).toMatch(REFUSED_ROLE);
    expect(readFileSync(VERSIONS, "utf8")).toBe(before);
    await eventually(async () => (await server.health()).version === "0.2.0" || undefined, 2 * MINUTE);
    await healthyAgents("agent", "reports");
    await executed(await ask("orders"));
  });

  step("October: a backup is restored, and only what came after it is lost", { serverTasks: 1 }, async () => {
    change(SERVER_TOML, (text) => text.replace(GROUP, ""));
    request = await ask("reports");
    await executed(request);
    await done(...documented("pnpm ops backup --stage prod"));
    const lost = await ask("orders");
    await executed(lost);
    former = await keptState();
    const { fileSystem } = former;
    expect(await done(...documented("pnpm ops restore latest --stage prod"), "--no-build")).toMatchObject({
      status: "done",
      former: fileSystem,
      unknownTokens: [],
    });
    state = await keptState();
    expect(state).toEqual({ ...former, fileSystem: [...backup.restored.values()][0] });
    expect(await requestStatus(stage.serverUrl, await admin(), request)).toBe("executed");
    await expect(requestStatus(stage.serverUrl, await admin(), lost)).rejects.toThrow("404");
    await everyTokenWorks();
    await healthyAgents("agent", "reports");
    for (const name of ["orders", "reports"]) await executed(await ask(name));
  });

  step("November: it is removed, and what holds data stays", {}, async () => {
    const refused = await run("remove", "--yes");
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("Add --confirm drill")]);
    await healthyAgents("agent", "reports");
    const { stays } = await done("remove", "--confirm", "drill");
    const kept = [state.vault, state.bucket, state.fileSystem, former.fileSystem];
    expect((stays as { id: string }[]).map(({ id }) => id).sort()).toEqual([...kept].sort());
    // The emulated CloudFormation doesn't wait until the tasks of a deleted service have ended, as AWS's does.
    await eventually(async () => (await watch.runningServers()).length === 0 || undefined, 2 * MINUTE);
    expect(await account.everyAlarm()).toEqual([]);
    const { exitCode, stdout } = await run(...documented("pnpm ops cleanup --stage prod"));
    expect(exitCode).toBe(0);
    const listed = stdout.match(/(?<=^- ).*/gm) ?? [];
    expect(listed.map((line) => line.split(" ").at(-1)).sort()).toEqual([...kept].sort());
    expect(stdout).not.toContain("Not looked for");
    // The settings name the file system that the stage ran on last.
    expect(stdout.split("add to its settings").at(-1)).toBe(
      `, which name file system ${state.fileSystem}:\n  storage: { bucketName: "${state.bucket}" },\n`,
    );
  });

  step("December: it is deployed again, on what was kept", { serverTasks: 1 }, async () => {
    change(SETTINGS, (text) => withField(text, "drill", `storage: { bucketName: "${state.bucket}" },`));
    await deploy();
    // A vault that was kept keeps its copies, and its name.
    expect(await keptState()).toEqual({ ...state, vault: expect.not.stringMatching(state.vault) });
    // A boolean, so that a failure doesn't print a token.
    expect((await admin()) === firstToken, "the administrator's token is the one in the old file").toBe(true);
    // Nobody has what was in the former secrets, and it is valid until it is revoked.
    const unused = await unusedTokens();
    expect(unused.map(({ subject }) => subject)).toContain("admin");
    for (const { id } of unused) await done("tokens", "revoke", id);
    expect(await unusedTokens()).toEqual([]);
    await everyTokenWorks();
    expect(await requestStatus(stage.serverUrl, await admin(), request)).toBe("executed");
    await healthyAgents("agent", "reports");
    for (const name of ["orders", "reports"]) await executed(await ask(name));
  });

  /** Sends a signal to all processes of the running task of a service. @returns their ids */
  async function signalTask(service: string, signal: NodeJS.Signals): Promise<number[]> {
    const [task] = (await account.tasks(service)).filter(({ lastStatus }) => lastStatus === "RUNNING");
    const pids = ProcessArguments.having(task!.taskArn!.split("/").at(-1)!);
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) process.kill(pid, signal);
    return pids;
  }
});
