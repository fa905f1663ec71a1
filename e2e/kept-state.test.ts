import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateFileSystemCommand, DescribeFileSystemsCommand, EFSClient } from "@aws-sdk/client-efs";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { ops } from "./support/run-command.ts";
import { createRequest, requestExecuted, requestStatus } from "./support/server-api.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-kept-state");
const PROJECT = join(DIRECTORY, "project");
const AGENTS = ["app", "reports"] as const;
const MINUTE = 60_000;
/** Where AWS Backup puts what it restores item by item. */
const RESTORED_PATH = "/aws-backup-restore_2026-01-31T10-00-00-123Z/dbward";

/**
 * The state of a stage that is removed, deployed again, and restored. Each test builds on the ones before it.
 */
describe.sequential("a stage on state that was kept", () => {
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  let efs: EFSClient;
  let fileSystemId: string;
  let bucketName: string;
  let request: string;
  const before: Record<string, string> = {};
  const secrets = () => {
    const { names } = account;
    const agents = AGENTS.map((name) => [
      name,
      names.agentTokenSecret({ name, token: name === "app" ? "bootstrap" : "own" }),
    ]);
    return Object.fromEntries([
      ["admin", names.adminTokenSecret],
      ["metrics", names.metricsTokenSecret],
      ...agents,
    ]);
  };
  const tokens = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(secrets()).map(async ([owner, secret]) => [
          owner,
          await account.secret(String(secret)),
        ]),
      ),
    );
  const output = async (key: string) => (await account.outputs(account.names.stack("State")))[key] ?? "";
  const fileSystems = async () => {
    const { FileSystems = [] } = await efs.send(new DescribeFileSystemsCommand({}));
    return FileSystems.map((each) => each.FileSystemId);
  };
  const deploy = (state: object, more: Record<string, string> = {}) =>
    stage.deploy({ env: { E2E_STATE: JSON.stringify(state), E2E_BUCKET: bucketName, ...more } });
  /** That the server has the state of the first deployment, and that every captured token works on it. */
  const expectFormerState = async () => {
    expect(await stage.steady()).toEqual([]);
    const now = await tokens();
    // Booleans, so that a failure doesn't print a token.
    expect(now.admin === before.admin, "the administrator's token is the one in the old file").toBe(true);
    expect(now.app === before.app, "the bootstrap token is the one in the old file").toBe(true);
    await expect(server.listTokens({ token: now.admin! })).resolves.toBeInstanceOf(Array);
    expect(await requestStatus(stage.serverUrl, now.admin!, request)).toBe("executed");
    const rows = await eventually(async () => {
      const agents = await server.agents({ token: now.metrics! });
      return agents.filter(({ status }) => status === "healthy").length === AGENTS.length
        ? agents
        : undefined;
    }, MINUTE);
    expect(rows).toHaveLength(AGENTS.length);
  };

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "kept-state.config.ts");
    account = new Account(stage);
    efs = new EFSClient(stage.clientConfig());
    server = new DbwardClient({ url: stage.serverUrl });
  }, 5 * MINUTE);

  afterAll(async () => {
    server?.close();
    efs?.destroy();
    account?.close();
    await stage?.close();
  }, MINUTE);

  it("is deployed and used", { timeout: 5 * MINUTE }, async () => {
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
    fileSystemId = await output("FileSystemId");
    bucketName = await output("BucketName");
    Object.assign(before, await tokens());
    request = await createRequest(stage.serverUrl, before.admin!, "select 1");
    await requestExecuted(stage.serverUrl, before.admin!, request, MINUTE);
  });

  it("leaves file system and bucket when it is removed, and names them", {
    timeout: 5 * MINUTE,
  }, async () => {
    await stage.remove();
    expect(await fileSystems()).toEqual([fileSystemId]);
    const said = await readFile(join(DIRECTORY, "logs", "remove.log"), "utf8");
    expect(said).toContain("pnpm ops cleanup --stage local");
    const { exitCode, stdout } = await ops(stage, PROJECT, "cleanup");
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`- File system ${fileSystemId}`);
    expect(stdout).toContain(`- Bucket ${bucketName}`);
    expect(stdout).toContain(`state: { fileSystemId: "${fileSystemId}" }`);
    expect(stdout).toContain(`storage: { bucketName: "${bucketName}" }`);
    expect(stdout).not.toContain("Not looked for");
  });

  it("gets no second file system beside the kept one", { timeout: 2 * MINUTE }, async () => {
    await expect(stage.deploy()).rejects.toThrow(
      new RegExp(`File system ${fileSystemId} .* a new one would start empty`),
    );
    expect(await fileSystems()).toEqual([fileSystemId]);
  });

  it("goes on where it was, with the tokens of the old files", { timeout: 5 * MINUTE }, async () => {
    await deploy({ fileSystemId });
    expect(await output("FileSystemId")).toBe(fileSystemId);
    expect(await fileSystems()).toEqual([fileSystemId]);
    await expectFormerState();
  });

  it("does so again, captured by a task", { timeout: 5 * MINUTE }, async () => {
    const env = {
      E2E_STATE: JSON.stringify({ fileSystemId }),
      E2E_BUCKET: bucketName,
      E2E_CAPTURE_METHOD: "task",
    };
    await stage.remove({ env });
    await stage.deploy({ env });
    await expectFormerState();
  });

  describe("that a backup has restored", () => {
    let restored: string;

    beforeAll(async () => {
      restored = (await efs.send(new CreateFileSystemCommand({ Encrypted: true }))).FileSystemId!;
      const folder = (id: string, path: string) => join(DIRECTORY, "efs", id, path);
      await account.scale(account.names.serverService, 0);
      await cp(folder(fileSystemId, "dbward"), folder(restored, RESTORED_PATH), { recursive: true });
    }, 2 * MINUTE);

    it("moves there only when that is written down", { timeout: 2 * MINUTE }, async () => {
      await expect(deploy({ fileSystemId: restored, path: RESTORED_PATH })).rejects.toThrow(
        new RegExp(`runs on file system ${fileSystemId}.*replaces: "${fileSystemId}"`),
      );
    });

    it("moves, and keeps the former file system", { timeout: 5 * MINUTE }, async () => {
      await deploy({ fileSystemId: restored, path: RESTORED_PATH, replaces: fileSystemId });
      expect(await output("FileSystemId")).toBe(restored);
      expect((await fileSystems()).sort()).toEqual([fileSystemId, restored].sort());
      await expectFormerState();
    });

    it("moves back", { timeout: 5 * MINUTE }, async () => {
      await deploy({ fileSystemId, replaces: restored });
      expect(await output("FileSystemId")).toBe(fileSystemId);
      await expectFormerState();
    });
  });
});
