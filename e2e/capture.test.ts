import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { CreateSecretCommand, DeleteSecretCommand } from "@aws-sdk/client-secrets-manager";
import { agentTokenVersionAttribute, CAPTURE_WARNINGS_ATTRIBUTE, TOKEN_PATTERN } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage, LocalStageOptions } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { templatesIn } from "../infra/test-support/assemblies.ts";
import { Account, eventually } from "./support/account.ts";
import { accountText } from "./support/account-text.ts";
import { CaptureFunction } from "./support/capture-function.ts";
import { APPLY_TITLE, keptUnused, RoleRights } from "./support/role-rights.ts";
import { ops } from "./support/run-command.ts";
import { REFUSED_ROLE, STAND_IN } from "./support/stand-in.ts";
import { startStory } from "./support/start-story.ts";
import { withoutRight } from "./support/without-right.ts";
import { filesWith, holds } from "./support/written-files.ts";

type ExecFaults = NonNullable<LocalStageOptions["execFaults"]>;

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-capture");
const PROJECT = join(DIRECTORY, "project");
const SETTINGS = join(import.meta.dirname, "settings");
const AGENTS = ["app", "reports"] as const;
const MINUTE = 60_000;
/** A minute of schedules and alarms takes ten seconds. */
const SPEED = 6;

/** Word by word what a session may suffer; each has to be survived. */
const BAD_NETWORKS: Readonly<Record<string, ExecFaults>> = {
  drops: { seed: 3, drop: 0.2 },
  delays: { seed: 3, delay: 0.6, delayMs: 300 },
  doubles: { seed: 3, double: 0.7 },
  reorders: { seed: 3, reorder: 0.5 },
  splits: { split: 5 },
  // Six messages are the handshake: the next one is the command's, however much of its output a message
  // holds.
  "closes the first two sessions": { closeAfter: 7, sessions: 2 },
  "refuses the first calls": { refuse: 3 },
  "does all of this": {
    seed: 3,
    refuse: 1,
    drop: 0.1,
    delay: 0.2,
    delayMs: 200,
    double: 0.2,
    reorder: 0.2,
    split: 100,
  },
};

/**
 * A second account: tokens under all kinds of trouble, and an outage of the server. Each test builds on the
 * ones before it.
 */
describe.sequential("token capture on the local stage", () => {
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  let captureFunction: CaptureFunction | undefined;
  let rights: RoleRights;
  const tokens: Record<string, string> = {};
  const versions: Record<string, string> = {};
  const printed: string[] = [];
  const secretOf = (name: string) =>
    account.names.agentTokenSecret({ name, token: name === AGENTS[0] ? "bootstrap" : "own" });
  const secretNames = () => [
    account.names.adminTokenSecret,
    ...AGENTS.map(secretOf),
    account.names.metricsTokenSecret,
  ];
  const serviceNames = () => [account.names.serverService, ...AGENTS.map(account.names.agentService)];
  const readVersions = async () =>
    Object.fromEntries(
      await Promise.all(secretNames().map(async (name) => [name, await account.secretVersion(name)])),
    );
  /** Names of the secrets whose value is not what was captured first; their values stay out of messages. */
  const changedSecrets = async () => {
    const values = await Promise.all(secretNames().map(async (name) => [name, await account.secret(name)]));
    return values.filter(([name, value]) => value !== tokens[name!]).map(([name]) => name);
  };
  const invoked = () => captureFunction!;

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "several-agents.config.ts", {
      env: { E2E_CAPTURE_METHOD: "task" },
      speed: SPEED,
    });
    account = new Account(stage);
    server = new DbwardClient({ url: stage.serverUrl });
    rights = new RoleRights(stage, account);
  }, 5 * MINUTE);

  afterAll(async () => {
    captureFunction?.close();
    server?.close();
    account?.close();
    await stage?.close();
  }, MINUTE);

  describe("with a server that doesn't come up", () => {
    it("fails within two minutes, with the server's last words", { timeout: 4 * MINUTE }, async () => {
      const began = Date.now();
      const env = { E2E_SERVER_CONFIG: join(SETTINGS, "refused.server.toml"), E2E_CAPTURE_METHOD: "exec" };
      await expect(stage.deploy({ env })).rejects.toThrow(REFUSED_ROLE);
      expect(Date.now() - began).toBeLessThan(2 * MINUTE);
      expect((await stage.status()).secrets.filter(({ captured }) => captured)).toEqual([]);
    });
  });

  describe("with a one-off task, where ECS Exec is forbidden", () => {
    it("deploys, after the failure, what was corrected", { timeout: 5 * MINUTE }, async () => {
      await stage.deploy();
      await rights.note();
      const { secrets, stacks } = await stage.status();
      const done = expect.stringMatching(/^(CREATE|UPDATE)_COMPLETE$/);
      expect(stacks.map(({ status }) => status)).toEqual(Array(4).fill(done));
      expect(secrets.map(({ name, captured }) => [name, captured])).toEqual(
        secretNames()
          .sort()
          .map((name) => [name, true]),
      );
      for (const name of secretNames()) {
        tokens[name] = await account.secret(name);
        expect(TOKEN_PATTERN.test(tokens[name]), name).toBe(true);
      }
      expect(new Set(Object.values(tokens)).size).toBe(secretNames().length);
    });

    it("shows each agent as a row of its own, healthy", { timeout: 2 * MINUTE }, async () => {
      const token = tokens[account.names.metricsTokenSecret]!;
      const rows = await eventually(async () => {
        const agents = await server.agents({ token });
        return agents.filter(({ status }) => status === "healthy").length === 2 ? agents : undefined;
      }, MINUTE);
      expect(rows).toHaveLength(2);
    });

    it("has ECS Exec off everywhere", async () => {
      const templates = templatesIn(join(stage.view, ".sst", "dist"));
      expect(templates.size).toBe(4);
      for (const [file, template] of templates) {
        expect(JSON.stringify(template), file).not.toMatch(
          /ssmmessages|"ecs:ExecuteCommand"|"EnableExecuteCommand":true/,
        );
      }
      const services = await Promise.all(serviceNames().map((name) => account.service(name)));
      expect(services.map(({ enableExecuteCommand }) => enableExecuteCommand)).toEqual([false, false, false]);
    });
  });

  describe("for the operator", () => {
    const run = async (...args: string[]) => {
      const end = await ops(stage, PROJECT, ...args);
      printed.push(end.stdout, end.stderr);
      return end;
    };

    it("says which tokens are captured, and that the server takes them", {
      timeout: 3 * MINUTE,
    }, async () => {
      const { exitCode, stdout, stderr } = await run("tokens", "--url", stage.serverUrl);
      expect(stderr).toMatch(/^Account 000000000000, region us-east-1, .*\n$/);
      for (const name of secretNames()) expect(stdout).toMatch(new RegExp(`${name} +works `));
      expect(exitCode).toBe(0);
    });

    it("reports the state of stacks, services and metrics", { timeout: 3 * MINUTE }, async () => {
      await stage.poll();
      const { stdout: text } = await run("status");
      expect(text).toContain("Stage local in us-east-1");
      // The emulated account has no console to link to.
      expect(text).not.toContain("https://");
      const { stdout } = await run("status", "--json");
      const status = JSON.parse(stdout);
      expect(status).toMatchObject({
        stage: "local",
        stacks: {
          items: Array(4).fill({ status: expect.stringMatching(/^(CREATE|UPDATE)_COMPLETE$/) }),
        },
      });
      expect(status.services.items).toMatchObject(
        // In the order of the settings.
        ["server", "reports", "app"].map((name) => ({ name, running: 1, desired: 1, state: "stable" })),
      );
      expect(status.metrics.items).toContainEqual(
        expect.objectContaining({ name: "AgentsHealthy", value: 2 }),
      );
    });

    it("restarts one agent, and leaves the others", { timeout: 3 * MINUTE }, async () => {
      const [before, other] = await Promise.all(AGENTS.map((agent) => runningTask(agent)));
      const { exitCode, stdout } = await run("restart", "agent", AGENTS[0], "--yes");
      expect([exitCode, stdout]).toEqual([
        0,
        expect.stringContaining("agent-app: 1 of 1 running and healthy"),
      ]);
      expect(await runningTask(AGENTS[0])).not.toBe(before);
      expect(await runningTask(AGENTS[1])).toBe(other);
    });

    it("says what a removal would keep", async () => {
      const { exitCode, stdout } = await run("cleanup");
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/is deployed.*this is kept/);
      expect(stdout).toContain("- File system fs-");
    });

    async function runningTask(agent: string): Promise<string | undefined> {
      const tasks = await account.tasks(account.names.agentService(agent));
      return tasks.find(({ lastStatus }) => lastStatus === "RUNNING")?.taskArn;
    }
  });

  describe("over a bad network", () => {
    it("changes no secret when a deploy switches to ECS Exec", { timeout: 5 * MINUTE }, async () => {
      const before = await readVersions();
      await stage.deploy({ env: { E2E_CAPTURE_METHOD: "exec" } });
      await rights.note();
      expect(await readVersions()).toEqual(before);
      Object.assign(versions, before);
      // Agents that are still being replaced would start with the secrets that are emptied below.
      await eventually(async () => {
        const services = await Promise.all(serviceNames().map((name) => account.service(name)));
        const settled = services.every(
          ({ deployments = [] }) => deployments.length === 1 && deployments[0]?.rolloutState === "COMPLETED",
        );
        return settled || undefined;
      }, 2 * MINUTE);
      captureFunction = await CaptureFunction.find(account);
    });

    it.each(Object.entries(BAD_NETWORKS))(
      "that %s, brings back the very token that was emptied",
      {
        timeout: 2 * MINUTE,
      },
      async (_, faults) => {
        const emptied = secretOf(AGENTS[0]);
        await account.emptySecret(emptied);
        stage.setExecFaults(faults);
        const { Status, Reason, Data = {} } = await invoked().update();
        expect([Status, Reason]).toEqual(["SUCCESS", undefined]);
        expect(await changedSecrets()).toEqual([]);
        const now = await readVersions();
        expect(now).toEqual({ ...versions, [emptied]: Data[agentTokenVersionAttribute(AGENTS[0])] });
        expect(Data).toMatchObject({ [CAPTURE_WARNINGS_ATTRIBUTE]: "" });
        Object.assign(versions, now);
      },
    );

    it("gives one version to an event that comes twice at the same time", { timeout: MINUTE }, async () => {
      await account.emptySecret(secretOf(AGENTS[0]));
      stage.setExecFaults({ delay: 0.5 });
      const event = randomUUID();
      const [first, second] = await Promise.all([invoked().update(event), invoked().update(event)]);
      expect(first.Data).toEqual(second.Data);
      expect(first.PhysicalResourceId).toBe(second.PhysicalResourceId);
      expect(await changedSecrets()).toEqual([]);
      Object.assign(versions, await readVersions());
    });

    it("that lets nothing through, fails by name and writes nothing", { timeout: 3 * MINUTE }, async () => {
      const emptied = secretOf(AGENTS[0]);
      await account.emptySecret(emptied);
      stage.setExecFaults({ drop: 1 });
      await invoked().setTimeout(55);
      const { Status, Reason } = await invoked().update();
      expect([Status, Reason]).toEqual([
        "FAILED",
        expect.stringMatching(/no session succeeded.*\[(channel-lost|exec-timeout)\]/s),
      ]);
      expect(await changedSecrets()).toEqual([emptied]);
      expect(await account.secret(emptied)).toBe(" ");
    });

    it("that is mended, goes on where it stopped", { timeout: MINUTE }, async () => {
      stage.setExecFaults({});
      expect(await invoked().update()).toMatchObject({ Status: "SUCCESS" });
      expect(await changedSecrets()).toEqual([]);
      Object.assign(versions, await readVersions());
    });

    it("undoes no deploy when it could only not ask whether tokens are still good", {
      timeout: 3 * MINUTE,
    }, async () => {
      stage.setExecFaults({ refuse: 10_000 });
      const { Status, Data = {} } = await invoked().update();
      expect(Status).toBe("SUCCESS");
      expect(Data[CAPTURE_WARNINGS_ATTRIBUTE]).toContain("[");
      expect(await readVersions()).toEqual(versions);
      stage.setExecFaults({});
    });

    it("without the right to store tokens, fails with what AWS says, and stores nothing", {
      timeout: 3 * MINUTE,
    }, async () => {
      const emptied = secretOf(AGENTS[0]);
      await account.emptySecret(emptied);
      const role = { stack: "Server", logicalId: "TokenCaptureRole" } as const;
      const put = "secretsmanager:PutSecretValue";
      const { Status, Reason } = await withoutRight(stage, account, role, put, () => invoked().update());
      expect([Status, Reason]).toEqual([
        "FAILED",
        expect.stringMatching(
          /User: arn:aws:sts::\d{12}:assumed-role\/.*TokenCaptureRole.* is not authorized to perform: secretsmanager:PutSecretValue on resource: arn:aws:secretsmanager:.*:secret:dbward\/local\/agent-token-\w+ because no identity-based policy allows/,
        ),
      ]);
      expect(await account.secret(emptied)).toBe(" ");
      expect(await invoked().update()).toMatchObject({ Status: "SUCCESS" });
      expect(await changedSecrets()).toEqual([]);
    });

    it("leaves tokens that the daily check finds accepted", { timeout: MINUTE }, async () => {
      const since = new Date();
      const check = new InvokeCommand({ FunctionName: account.names.tokenCheckFunction });
      expect((await account.lambda.send(check)).FunctionError).toBeUndefined();
      expect(await account.metric("TokensRefused", since)).toBe(0);
    });

    it("is refused a secret that somebody made again by its name: it has another ARN", {
      timeout: 3 * MINUTE,
    }, async () => {
      const name = account.names.adminTokenSecret;
      await account.secretsManager.send(
        new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }),
      );
      // The name stays in use for a moment after the deletion.
      await eventually(() => account.secretsManager.send(new CreateSecretCommand({ Name: name })), MINUTE);
      const { Status, Reason } = await invoked().update();
      expect([Status, Reason]).toEqual([
        "FAILED",
        expect.stringMatching(/is not authorized to perform: secretsmanager:GetSecretValue on resource/),
      ]);
      expect(await changedSecrets()).toEqual([name]);
    });
  });

  it("has a poller that says which right it lacks, and publishes the rest", { timeout: MINUTE }, async () => {
    const since = new Date();
    const role = { stack: "Monitoring", logicalId: "PollerRole" } as const;
    await withoutRight(stage, account, role, "ecs:DescribeServices", () => stage.poll());
    expect(await account.metric("ServerReachable", since)).toBe(1);
    const said = [...(await accountText(account)).values()].join("\n");
    expect(said).toMatch(
      /is not authorized to perform: ecs:DescribeServices on resource: arn:aws:ecs:[\w-]+:\d{12}:service\/dbward-local\//,
    );
  });

  describe("when the server is gone", () => {
    const states = async () =>
      Object.fromEntries(
        await Promise.all(
          ["server-unreachable", "down"].map(async (id) => [id, await account.alarmState(id)] as const),
        ),
      );

    it("raises its alarm, and the one that says that dbward is down", { timeout: 25 * MINUTE }, async () => {
      await account.scale(account.names.serverService, 0);
      await stage.poll();
      const rung = await eventually(async () => {
        const now = await states();
        return Object.values(now).every((state) => state === "ALARM") ? now : undefined;
      }, 20 * MINUTE);
      expect(rung).toEqual({ "server-unreachable": "ALARM", down: "ALARM" });
    });

    it("clears both once it is back, with its state", { timeout: 4 * MINUTE }, async () => {
      await account.scale(account.names.serverService, 1);
      await eventually(async () => {
        await server.listTokens({ token: tokens[account.names.adminTokenSecret]! });
        return true;
      }, MINUTE);
      await eventually(
        async () => Object.values(await states()).every((state) => state === "OK") || undefined,
        3 * MINUTE,
      );
    });
  });

  it("has used every right that its roles have, but for those that docs/security.md names", {
    timeout: MINUTE,
  }, async () => {
    // When a real server starts, it writes an object into its bucket and deletes it again.
    const probed = STAND_IN ? [] : ["Server's task s3:DeleteObject", "Server's task s3:PutObject"];
    const kept = keptUnused().filter((right) => !right.startsWith(`${APPLY_TITLE} `));
    expect(rights.unused()).toEqual(kept.filter((right) => !probed.includes(right)));
  });

  it("shows and writes no token anywhere but in the account's own stores", async () => {
    const values = Object.values(tokens);
    expect(values).toHaveLength(AGENTS.length + 2);
    const shown = await accountText(account);
    expect([...shown].filter(([, text]) => holds(text, values)).map(([where]) => where)).toEqual([]);
    expect(printed.filter((text) => holds(text, values))).toHaveLength(0);
    expect(await filesWith(values, DIRECTORY)).toEqual([]);
  });
});
