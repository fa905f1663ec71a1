import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PutParameterCommand } from "@aws-sdk/client-ssm";
import { stageNames } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { documented } from "./support/documented.ts";
import { type Registry, startRegistry } from "./support/registry.ts";
import { type CommandEnd, ops, startOps } from "./support/run-command.ts";
import { startStory } from "./support/start-story.ts";
import { holds } from "./support/written-files.ts";

const DIRECTORY = join(import.meta.dirname, "..", ".local", "e2e-operate");
const CONFIG = join(DIRECTORY, "project", "config");
const VERSIONS = join(CONFIG, "versions.json");
/** Where operate.config.ts has the server's configuration. */
const PARAMETER = "/dbward/local/server";
const NAMES = stageNames("local");
const APP = { name: "app", token: "bootstrap" } as const;
const SECRETS = {
  admin: NAMES.adminTokenSecret,
  app: NAMES.agentTokenSecret(APP),
  metrics: NAMES.metricsTokenSecret,
};
const MINUTE = 60_000;

/** One story: each test builds on the ones before it. */
describe.sequential("operating the local stage", () => {
  let stage: LocalStage;
  let registry: Registry;
  let account: Account;
  let server: DbwardClient;
  /** Every token that was ever in a secret: none of them may be printed. */
  const known = new Set<string>();
  const printed: string[] = [];

  /** A version with the digests that the registry has for it now. */
  const pinned = (tag: string) => ({
    server: `${tag}@${registry.digest("dbward-server", tag)}`,
    agents: `${tag}@${registry.digest("dbward-agent", tag)}`,
  });

  beforeAll(async () => {
    registry = await startRegistry();
    stage = await startStory(DIRECTORY, "operate.config.ts", { env: { STORY_REGISTRY: registry.host } });
    await writeFile(VERSIONS, JSON.stringify({ local: pinned("0.1.9") }));
    account = new Account(stage);
    server = new DbwardClient({ url: stage.serverUrl });
    const Value = await readFile(join(CONFIG, "server.toml"), "utf8");
    await account.ssm.send(new PutParameterCommand({ Name: PARAMETER, Type: "SecureString", Value }));
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
  }, 10 * MINUTE);
  afterAll(async () => {
    server?.close();
    account?.close();
    await stage?.close();
    await registry?.close();
  }, MINUTE);

  const token = async (owner: keyof typeof SECRETS) => {
    const value = await account.secret(SECRETS[owner]);
    known.add(value);
    return value;
  };
  const run = async (...args: string[]): Promise<CommandEnd> => {
    const end = await ops(stage, stage.view, ...args);
    printed.push(end.stdout, end.stderr);
    return end;
  };
  /** Runs a command that changes something. @returns what it printed as JSON */
  const done = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { exitCode, stdout, stderr } = await run(...args, "--yes", "--json");
    expect([exitCode, stderr], args.join(" ")).toEqual([0, expect.any(String)]);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  /** 200 for users, 403 for agents, 401 for nobody's token. */
  const statusOf = async (value: string) =>
    (await fetch(`${stage.serverUrl}/api/me`, { headers: { authorization: `Bearer ${value}` } })).status;
  const polls = (subject: string) =>
    eventually(async () => {
      const rows = await server.agents({ token: await token("admin") });
      return (
        rows.some(
          ({ id, status, lastPollAgeSeconds }) =>
            id === subject && status === "healthy" && lastPollAgeSeconds < 5,
        ) || undefined
      );
    }, MINUTE);

  it("passes preflight, shows its status, and has no problem that doctor finds", {
    timeout: 5 * MINUTE,
  }, async () => {
    expect(await run(...documented("pnpm ops preflight --stage prod"))).toMatchObject({ exitCode: 0 });
    await stage.poll();
    const words = documented("pnpm ops status --stage prod");
    await eventually(async () => (await run(...words)).exitCode === 0 || undefined, 3 * MINUTE);
    const { stdout } = await run(...words, "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      stage: "local",
      services: {
        items: [
          { service: NAMES.serverService, state: "stable", running: 1 },
          { service: NAMES.agentService("app"), state: "stable", running: 1 },
        ],
      },
      findings: [],
    });
    expect(await run(...documented("pnpm ops doctor --stage prod"))).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("No problems found"),
    });
  });

  it("prints what every part has logged, and what it logs from now on", { timeout: 5 * MINUTE }, async () => {
    const logged = async (words: readonly string[]) => (await run(...words)).stdout;
    const values = { NAME: "app" };
    expect(await logged(documented("pnpm ops logs server --since 15m --stage STAGE"))).toContain('"level"');
    expect(await logged(documented("pnpm ops logs agent app --stage prod"))).toMatch(
      /^\d{4}-\d\d-\d\dT\S+Z ./m,
    );
    expect(await logged(documented("pnpm ops logs agent NAME", values))).toMatch(/^\d{4}-\d\d-\d\dT\S+Z ./m);
    expect(await logged(documented("pnpm ops logs agent NAME --since 15m --stage STAGE", values))).toMatch(
      /Z ./,
    );
    expect(await logged(documented("pnpm ops logs poller --since 15m --stage STAGE"))).toMatch(/Z ./);
    const { child, firstLine, ended } = await startOps(stage, stage.view, "logs", "server", "--follow");
    child.kill("SIGINT");
    expect([firstLine, (await ended).exitCode]).toEqual([expect.stringMatching(/^\d{4}-/), 0]);
  });

  it("serves its dashboard until Ctrl-C", { timeout: 3 * MINUTE }, async () => {
    const words = documented("pnpm ops dashboard --stage prod");
    const { child, firstLine, ended } = await startOps(stage, stage.view, ...words);
    const [url] = /http:\S+/.exec(firstLine)!;
    const answer = await fetch(url);
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("<html")]);
    child.kill("SIGINT");
    expect((await ended).exitCode).toBe(0);
  });

  it("runs a command in the server's container", { timeout: 3 * MINUTE }, async () => {
    const { exitCode, stdout } = await run(...documented("pnpm ops run server --stage prod -- ls -l /data"));
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("dbward.db")]);
  });

  it("lists what a removal would leave, with the commands that delete it", {
    timeout: 3 * MINUTE,
  }, async () => {
    const { exitCode, stdout } = await run(...documented("pnpm ops cleanup --stage prod"));
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^- File system fs-\w+$/m)]);
    expect(stdout).toMatch(/^ {2}aws efs delete-file-system --file-system-id fs-/m);
  });

  it("scales an agent out, and back in", { timeout: 10 * MINUTE }, async () => {
    const service = NAMES.agentService("app");
    expect(await done(...documented("pnpm ops scale agent app --count 3 --stage prod"))).toMatchObject({
      status: "done",
      tasks: { app: 3 },
    });
    expect(await account.service(service)).toMatchObject({ desiredCount: 3, runningCount: 3 });
    expect((await run("status")).stdout).toMatch(/3 of 3 running/);
    await done("scale", "agent", "app", "--count", "1");
    expect(await account.service(service)).toMatchObject({ desiredCount: 1, runningCount: 1 });
  });

  it("changes its configuration in SSM, by dbward's rules, and restarts what reads it", {
    timeout: 10 * MINUTE,
  }, async () => {
    const file = join(CONFIG, "local.server.toml");
    await done(...documented("pnpm ops config pull server --stage prod"));
    const text = await readFile(file, "utf8");
    expect(text).toContain("[[workflows]]");
    const diff = documented("pnpm ops config diff server --stage prod");
    expect((await run(...diff)).exitCode).toBe(0);

    const push = documented("pnpm ops config push server --stage prod");
    await writeFile(file, text.replaceAll("[[workflows", "[[workflow"));
    expect(await run(...push, "--yes")).toMatchObject({ exitCode: 1 });

    const [former] = await account.tasks(NAMES.serverService);
    await writeFile(file, `${text}\n# changed by the story\n`);
    expect(await run(...diff)).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("# changed by"),
    });
    expect(await done(...push)).toMatchObject({ status: "done", restarted: ["server"] });
    expect((await account.tasks(NAMES.serverService))[0]?.taskArn).not.toBe(former?.taskArn);
    expect(await done(...push)).toMatchObject({ status: "nothing-to-do" });
  });

  it("replaces the tasks of the server, and of an agent", { timeout: 10 * MINUTE }, async () => {
    for (const [line, service] of [
      ["pnpm ops restart server --stage STAGE", NAMES.serverService],
      ["pnpm ops restart agent NAME --stage STAGE", NAMES.agentService("app")],
    ] as const) {
      const [former] = await account.tasks(service);
      await done(...documented(line, { NAME: "app" }));
      expect((await account.tasks(service))[0]?.taskArn).not.toBe(former?.taskArn);
    }
    await polls("agent");
  });

  it("upgrades pinned images to the digests of a version, and follows a tag that was pushed anew", {
    timeout: 20 * MINUTE,
  }, async () => {
    const words = documented("pnpm ops upgrade 0.3.0 --pin --stage prod", { "0.3.0": "0.2.0" });
    const isUpgraded = async (versions: ReturnType<typeof pinned>) => {
      expect(JSON.parse(await readFile(VERSIONS, "utf8"))).toEqual({ local: versions });
      const images = async (service: string) =>
        (await account.tasks(service))
          .filter(({ lastStatus }) => lastStatus === "RUNNING")
          .map(({ containers }) => containers?.[0]?.image);
      expect(await images(NAMES.serverService)).toEqual([
        `${registry.host}/dbward-server:${versions.server}`,
      ]);
      expect(await images(NAMES.agentService("app"))).toEqual([
        `${registry.host}/dbward-agent:${versions.agents}`,
      ]);
      expect(await server.health()).toMatchObject({ version: "0.2.0" });
    };
    const first = pinned("0.2.0");
    const plan = await run(...words, "--no-backup", "--dry-run");
    expect([plan.exitCode, plan.stdout]).toEqual([0, expect.stringContaining(first.server)]);
    expect(plan.stdout).toContain(first.agents);
    expect(await done(...words, "--no-backup", "--no-build")).toMatchObject({ status: "done" });
    await isUpgraded(first);

    registry.push();
    expect(pinned("0.2.0")).not.toEqual(first);
    const again = ["upgrade", "0.2.0", "--no-backup", "--no-build"];
    expect(await done(...again)).toMatchObject({ status: "done", version: "0.2.0" });
    await isUpgraded(pinned("0.2.0"));
    expect(await done(...again)).toMatchObject({ status: "nothing-to-do" });
    expect(await run("preflight")).toMatchObject({ exitCode: 0 });
    await polls("agent");
  });

  it("lists tokens through the server's task, without a path to the server", {
    timeout: 3 * MINUTE,
  }, async () => {
    const { exitCode, stdout } = await run(...documented("pnpm ops tokens --stage prod"), "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      stage: "local",
      tokens: [
        { owner: "admin", state: "works", rotation: "none" },
        { owner: "metrics", state: "works", rotation: "none" },
        { owner: "app", state: "works", rotation: "none" },
      ],
    });
    expect(exitCode).toBe(0);
    const shown = await ops(
      stage,
      stage.view,
      ...documented("pnpm ops tokens get admin --reveal --stage prod"),
    );
    expect(shown.stdout === `${await token("admin")}\n`).toBe(true);
  });

  it("shows the plan of a rotation, and changes nothing without consent", {
    timeout: 4 * MINUTE,
  }, async () => {
    const version = await account.secretVersion(SECRETS.app);
    const { exitCode, stdout } = await run("tokens", "rotate", "app", "--dry-run");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^Rotate the token of app of stage local:\n {2}1\. Ask the server for a new token/,
    );
    expect((await run("tokens", "rotate", "app")).exitCode).toBe(2);
    expect(await account.secretVersion(SECRETS.app)).toBe(version);
  });

  it("replaces the bootstrap token of an agent by an ordinary one, and that by another one", {
    timeout: 10 * MINUTE,
  }, async () => {
    const bootstrap = await token("app");
    const rotate = documented("pnpm ops tokens rotate app --stage prod");
    expect(await done(...rotate)).toMatchObject({
      status: "done",
      bootstrapTokenStays: true,
    });
    const first = await token("app");
    await polls("agent");
    expect(await done(...rotate)).toMatchObject({
      status: "done",
      bootstrapTokenStays: false,
      revoked: expect.any(String),
    });
    const second = await token("app");
    await polls("agent");
    expect(await Promise.all([bootstrap, first, second].map(statusOf))).toEqual([403, 401, 403]);
  });

  it("replaces the poller's token between two polls", { timeout: 10 * MINUTE }, async () => {
    const former = await token("metrics");
    await stage.poll();
    const since = new Date();
    await done(...documented("pnpm ops tokens rotate metrics --stage STAGE"));
    expect(await Promise.all([former, await token("metrics")].map(statusOf))).toEqual([401, 200]);
    await stage.poll();
    await eventually(async () => (await account.metric("TokenAccepted", since)) === 1 || undefined, MINUTE);
  });

  it("replaces the administrator's token", { timeout: 10 * MINUTE }, async () => {
    const former = await token("admin");
    expect(await done("tokens", "rotate", "admin")).toMatchObject({ bootstrapTokenStays: true });
    // Still valid: it is the bootstrap token.
    expect(await Promise.all([former, await token("admin")].map(statusOf))).toEqual([200, 200]);
  });

  it("revokes a token that nobody uses, and none that is in use", { timeout: 10 * MINUTE }, async () => {
    const made = await server.createAgentToken("by-hand", "by hand", { token: await token("admin") });
    known.add(made.token);
    const used = (await server.listTokens({ token: await token("admin") })).find(
      ({ subjectId, status }) => subjectId === "agent" && status === "active",
    );
    expect(await run("tokens", "revoke", used!.id, "--yes")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("is the one that app uses"),
    });
    await done(...documented("pnpm ops tokens revoke ID --stage prod", { ID: made.id }));
    expect(await statusOf(made.token)).toBe(401);
    expect(await done("tokens", "revoke", made.id)).toMatchObject({ status: "nothing-to-do" });
  });

  it("recovers from a lost token of the administrator", { timeout: 10 * MINUTE }, async () => {
    const files = async () => (await run("tokens", "list", "--json")).exitCode;
    const [row] = (await server.listTokens({ token: await token("admin") })).filter(
      ({ subjectId, status }) => subjectId === "admin" && status === "active",
    );
    await server.revokeToken(row!.id, { token: await token("admin") });
    expect(await files()).toBe(1);
    const [lost, agents] = [await token("admin"), await token("app")];
    expect(await done(...documented("pnpm ops tokens recover --stage prod"))).toMatchObject({
      status: "done",
      captured: ["admin"],
    });
    expect(await Promise.all([lost, await token("admin")].map(statusOf))).toEqual([401, 200]);
    // The agent's token is an ordinary one by now, which stays.
    expect(await token("app")).toBe(agents);
    await polls("agent");
    expect(await files()).toBe(0);
  });

  it("fills an empty secret from the server's files", { timeout: 10 * MINUTE }, async () => {
    await account.emptySecret(SECRETS.app);
    expect((await run("tokens")).exitCode).toBe(1);
    expect((await run(...documented("pnpm ops tokens recapture --stage prod"))).exitCode).toBe(0);
    expect(await statusOf(await token("app"))).toBe(403);
  });

  it("has printed no token", () => {
    expect(printed.join("").length).toBeGreaterThan(1000);
    expect(known.size).toBeGreaterThan(6);
    expect(holds(printed.join(""), [...known])).toBe(false);
  });
});
