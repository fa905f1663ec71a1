import { join } from "node:path";
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { TOKEN_CHECK_ENVIRONMENT, TOKEN_CHECK_EVENTS, type TokenMetricName } from "@dbward-aws/contract";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { documented } from "./support/documented.ts";
import { ops } from "./support/run-command.ts";
import { startStory } from "./support/start-story.ts";
import { filesWith } from "./support/written-files.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-token-check");
const PROJECT = join(DIRECTORY, "project");
const MINUTE = 60_000;

/**
 * The function that checks and rotates tokens, with the rights that its role has, against the server and agents
 * of a deployed stage. Each test builds on the ones before it.
 */
describe.sequential("tokens on a schedule", () => {
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  const secrets = () => ({
    admin: account.names.adminTokenSecret,
    metrics: account.names.metricsTokenSecret,
    app: account.names.agentTokenSecret({ name: "app", token: "bootstrap" }),
    reports: account.names.agentTokenSecret({ name: "reports" }),
  });
  const values = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(secrets()).map(async ([owner, name]) => [owner, await account.secret(name)] as const),
      ),
    );
  const invoke = async (event: object) => {
    const { FunctionError, Payload } = await account.lambda.send(
      new InvokeCommand({
        FunctionName: account.names.tokenCheckFunction,
        Payload: JSON.stringify(event),
      }),
    );
    if (FunctionError) throw new Error(`${FunctionError}: ${Buffer.from(Payload ?? []).toString()}`);
  };
  /** The values that a check publishes. */
  const check = async () => {
    const since = new Date(Date.now() - 1_000);
    await invoke(TOKEN_CHECK_EVENTS.check);
    const metric = (name: TokenMetricName) => account.metric(name, since);
    return { refused: await metric("TokensRefused"), overdue: await metric("TokensOverdue") };
  };
  const accepted = async (token: string) =>
    server.me({ token }).then(
      () => true,
      // 403: an agent's token, which may not make this call.
      (error: { status?: number }) => error.status === 403,
    );

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "token-check.config.ts");
    account = new Account(stage);
    server = new DbwardClient({ url: stage.serverUrl });
    await stage.deploy();
  }, 15 * MINUTE);

  afterAll(async () => {
    server?.close();
    account?.close();
    await stage?.close();
  }, 2 * MINUTE);

  it("finds that all tokens work", { timeout: 2 * MINUTE }, async () => {
    expect(await check()).toEqual({ refused: 0, overdue: 0 });
  });

  it("finds one that was revoked, and so does the doctor", { timeout: 4 * MINUTE }, async () => {
    const { admin: token = "", reports = "" } = await values();
    const row = (await server.listTokens({ token })).find(({ prefix }) => prefix === reports.slice(4, 12));
    await server.revokeToken(row!.id, { token });
    expect(await check()).toEqual({ refused: 1, overdue: 0 });
    const { stdout, exitCode } = await ops(stage, PROJECT, "tokens", "--json", "--url", stage.serverUrl);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).tokens).toContainEqual(
      expect.objectContaining({ owner: "reports", state: "refused", ageDays: 0, rotationDue: false }),
    );
    const doctor = await ops(stage, PROJECT, "doctor");
    expect(doctor.stdout).toContain("The server refuses the token of reports");
  });

  it("replaces none before its time", { timeout: 2 * MINUTE }, async () => {
    const before = await values();
    await invoke(TOKEN_CHECK_EVENTS.rotate);
    expect((await values()).metrics === before.metrics).toBe(true);
  });

  it("replaces all of them when they are old enough, with the agents at work", {
    timeout: 15 * MINUTE,
  }, async () => {
    const FunctionName = account.names.tokenCheckFunction;
    const { Environment } = await account.lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const Variables = { ...Environment?.Variables, [TOKEN_CHECK_ENVIRONMENT.rotateAfterDays]: "0" };
    await account.lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }),
    );
    const before = await values();
    await invoke(TOKEN_CHECK_EVENTS.rotate);
    const after = await values();
    for (const owner of Object.keys(before)) {
      expect(after[owner] === before[owner], owner).toBe(false);
      expect(await accepted(after[owner]!), owner).toBe(true);
    }
    // Bootstrap tokens can't be revoked by the API; reports' was revoked above.
    expect(
      await Promise.all(["admin", "app", "metrics", "reports"].map((owner) => accepted(before[owner]!))),
    ).toEqual([true, true, false, false]);
    expect(await stage.steady()).toEqual([]);
    await eventually(async () => {
      const rows = await server.agents({ token: after.metrics! });
      return rows.filter(({ status }) => status === "healthy").length === 2 || undefined;
    }, 2 * MINUTE);
    expect(await check()).toMatchObject({ refused: 0 });
    const { stdout, exitCode } = await ops(stage, PROJECT, "tokens", "--url", stage.serverUrl);
    expect([exitCode, stdout]).toEqual([0, expect.not.stringContaining("not finished")]);
    const log = await ops(stage, PROJECT, ...documented("pnpm ops logs tokens --stage prod --since 1d"));
    expect(log).toMatchObject({ exitCode: 0 });
    await stage.poll();
  });

  it("left no token in a file", async () => {
    for (const [owner, value] of Object.entries(await values()))
      expect(await filesWith([value], DIRECTORY), owner).toEqual([]);
  });
});
