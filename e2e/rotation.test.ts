import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { METRICS_ROLE, METRICS_USER } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { clientConfig } from "@dbward-aws/local-account";
import { rotateMetricsToken, rotateToken, type ServerAccess, TokenStore } from "@dbward-aws/token-rotation";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  startTestEmulator,
  type TestEmulator,
} from "../packages/local-account/src/emulator/test-support/start-test-emulator.ts";
import { cutAtEveryStep, Scissors } from "./support/cuts.ts";
import { DbwardServerProgram } from "./support/dbward-server.ts";

const MINUTE = 60_000;
const UNCUT = new Scissors(Number.POSITIVE_INFINITY);

/**
 * Rotations against the Secrets Manager of the emulated account and a dbward server: the one that
 * `DBWARD_SERVER_BIN` names, else the stand-in.
 */
describe("a rotation", () => {
  const folder = mkdtempSync(join(tmpdir(), "rotation-"));
  let emulator: TestEmulator;
  let server: DbwardServerProgram;
  let client: DbwardClient;
  let secrets: SecretsManagerClient;

  beforeAll(async () => {
    emulator = await startTestEmulator(folder);
    secrets = new SecretsManagerClient(clientConfig(emulator));
    server = await DbwardServerProgram.start();
    client = new DbwardClient({ url: `http://127.0.0.1:${server.port}` });
    const admin = await server.tokenFile("admin-token");
    const agent = await server.tokenFile("agent-token");
    const { token: metrics } = await client.createUser(
      { id: METRICS_USER, roles: [METRICS_ROLE] },
      { token: admin },
    );
    for (const [Name, SecretString] of Object.entries({ admin, agent, metrics }))
      await secrets.send(new CreateSecretCommand({ Name, SecretString }));
  }, 5 * MINUTE);
  afterAll(async () => {
    client?.close();
    secrets?.destroy();
    server?.close();
    await emulator?.close();
    rmSync(folder, { recursive: true });
  }, MINUTE);

  const value = async (SecretId: string) =>
    (await secrets.send(new GetSecretValueCommand({ SecretId }))).SecretString!;
  const labels = async (SecretId: string) =>
    Object.values((await secrets.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages ?? {})
      .flat()
      .sort();
  /** 200 for users, 403 for agents, 401 for nobody's token. */
  const status = async (token: string) => (await server.call("GET", "/api/me", undefined, token)).status;
  const active = async (subject: string) => {
    const rows = await client.listTokens({ token: await value("admin") });
    return rows.filter((row) => row.subjectId === subject && row.status === "active");
  };
  const access = async (scissors: Scissors): Promise<ServerAccess> => ({
    client: scissors.on(client),
    adminToken: await value("admin"),
    signal: new AbortController().signal,
  });
  const store = (scissors: Scissors, secret: string) =>
    new TokenStore({ secrets: scissors.on(secrets) }, secret);

  const seen: string[] = [];
  const rotateAgent = async (scissors: Scissors) => {
    const tasks = scissors.on({
      replace: async () => {
        seen.push(await value("agent"));
        return `deployment-${seen.length}`;
      },
      isInForce: async (deployment: string) => deployment === `deployment-${seen.length}`,
      wait: async () => 1,
      seePoll: async () => expect(await status(seen.at(-1)!)).toBe(403),
    });
    return rotateToken(await access(scissors), {
      store: store(scissors, "agent"),
      subject: "agent",
      subjectType: "agent",
      report: () => undefined,
      tasks,
    });
  };
  const rotateAdmin = async (scissors: Scissors) =>
    rotateToken(await access(scissors), {
      store: store(scissors, "admin"),
      subject: "admin",
      subjectType: "user",
      report: () => undefined,
    });

  it("makes the bootstrap token an ordinary one, and says that the former one stays valid", async () => {
    const former = await value("agent");
    const result = await rotateAgent(UNCUT);
    expect(result).toMatchObject({ bootstrapTokenStays: true, versionId: expect.any(String) });
    expect(result.revoked).toBeUndefined();
    const token = await value("agent");
    expect(token).not.toBe(former);
    expect([await status(token), await status(former)]).toEqual([403, 403]);
    expect(await active("agent")).toMatchObject([{ prefix: token.slice(4, 12) }]);
    expect(await labels("agent")).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
  });

  it("revokes the former token once new tasks have read the new one", async () => {
    const former = await value("agent");
    const result = await rotateAgent(UNCUT);
    expect(result).toMatchObject({ bootstrapTokenStays: false, revoked: expect.any(String) });
    expect(await status(former)).toBe(401);
    expect(seen.at(-1)).toBe(await value("agent"));
  });

  it.each([
    ["an agent's token", "agent", 403, rotateAgent],
    ["the administrator's token", "admin", 200, rotateAdmin],
  ] as const)(
    "of %s leaves a working one at every step, and is continued to its end",
    { timeout: 5 * MINUTE },
    async (_what, secret, ok, rotate) => {
      let former = await value(secret);
      const check = async () => {
        expect(await status(await value(secret)), "the token that tasks would read").toBe(ok);
      };
      const cuts = await cutAtEveryStep(rotate, async () => {
        await check();
        await rotate(UNCUT);
        await check();
        expect(await value(secret)).not.toBe(former);
        expect(await labels(secret)).not.toContain("AWSPENDING");
        // No token of an attempt is left behind.
        expect(await active(secret)).toHaveLength(1);
        former = await value(secret);
      });
      expect(cuts).toBeGreaterThan(14);
    },
  );

  it("of the poller's token leaves a working one at every step, and no other user", {
    timeout: 5 * MINUTE,
  }, async () => {
    const rotate = async (scissors: Scissors) =>
      rotateMetricsToken(await access(scissors), store(scissors, "metrics"), () => undefined);
    const me = async () => (await server.call("GET", "/api/me", undefined, await value("metrics"))).body;
    const cuts = await cutAtEveryStep(rotate, async () => {
      expect(await me(), "the token that the poller would read").toMatchObject({
        roles: [{ name: METRICS_ROLE }],
      });
      await rotate(UNCUT);
      expect(await me()).toMatchObject({ subject_id: METRICS_USER });
      const users = await client.listUsers({ token: await value("admin") });
      expect(users.filter(({ id }) => id.startsWith(METRICS_USER))).toHaveLength(1);
    });
    expect(cuts).toBeGreaterThan(14);
  });

  it("gives an agent without a token one", async () => {
    const former = await value("agent");
    await secrets.send(new PutSecretValueCommand({ SecretId: "agent", SecretString: " " }));
    await rotateAgent(UNCUT);
    expect(await status(await value("agent"))).toBe(403);
    // Until the next rotation, which revokes what former ones have left.
    expect(await status(former)).toBe(403);
    await rotateAgent(UNCUT);
    expect(await status(former)).toBe(401);
  });

  it("names the limit of five tokens when the server makes no more", async () => {
    await rotateAgent(UNCUT);
    const token = await value("admin");
    for (let index = 0; index < 5; index++)
      await client.createAgentToken("agent", "by hand", { token }).catch(() => undefined);
    const before = await value("agent");
    await expect(rotateAgent(UNCUT)).rejects.toMatchObject({
      code: "token-rotation-failed",
      hint: expect.stringContaining("pnpm ops tokens revoke"),
    });
    expect(await value("agent")).toBe(before);
  });
});
