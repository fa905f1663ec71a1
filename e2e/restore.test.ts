import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient } from "@aws-sdk/client-efs";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { BackupPeer } from "./support/backup-peer.ts";
import { documented } from "./support/documented.ts";
import { ops, startOps } from "./support/run-command.ts";
import { createRequest, requestExecuted, requestStatus } from "./support/server-api.ts";
import { startStory } from "./support/start-story.ts";
import { holds } from "./support/written-files.ts";

const DIRECTORY = join(import.meta.dirname, "..", ".local", "e2e-restore");
const STATE = join(DIRECTORY, "project", "config", "state.json");
const ROLE = "AWSBackupDefaultServiceRole";
const MINUTE = 60_000;

/** One story: each test builds on the ones before it. */
describe.sequential("backing up and restoring the local stage", () => {
  let backup: BackupPeer;
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  let efs: EFSClient;
  let former: string;
  let restored: string;
  /** A request from before the backup, and one from after it. */
  let [early, late] = ["", ""];
  const printed: string[] = [];
  const known = new Set<string>();

  beforeAll(async () => {
    backup = await BackupPeer.start(join(DIRECTORY, "efs"));
    stage = await startStory(DIRECTORY, "restore.config.ts", {
      env: { AWS_ENDPOINT_URL_BACKUP: backup.url },
    });
    account = new Account(stage);
    server = new DbwardClient({ url: stage.serverUrl });
    efs = new EFSClient(stage.clientConfig());
    backup.useAccount(efs);
    const iam = new IAMClient(stage.clientConfig());
    await iam.send(new CreateRoleCommand({ RoleName: ROLE, AssumeRolePolicyDocument: TRUST }));
    iam.destroy();
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
    former = await fileSystem();
  }, 10 * MINUTE);
  afterAll(async () => {
    server?.close();
    efs?.destroy();
    account?.close();
    await stage?.close();
    await backup?.close();
  }, MINUTE);

  const fileSystem = async () => (await account.outputs(account.names.stack("State"))).FileSystemId ?? "";
  const admin = async () => {
    const token = await account.secret(account.names.adminTokenSecret);
    known.add(token);
    return token;
  };
  const executed = async (sql: string) => {
    const id = await createRequest(stage.serverUrl, await admin(), sql);
    await requestExecuted(stage.serverUrl, await admin(), id, MINUTE);
    return id;
  };
  /** Runs a command that changes something. @returns what it printed as JSON */
  const done = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { exitCode, stdout, stderr } = await ops(stage, stage.view, ...args, "--yes", "--json");
    printed.push(stdout, stderr);
    expect([exitCode, stderr], args.join(" ")).toEqual([0, expect.any(String)]);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const agentsAreHealthy = () =>
    eventually(async () => {
      const rows = await server.agents({ token: await admin() });
      return rows.filter(({ status }) => status === "healthy").length === 2 || undefined;
    }, 2 * MINUTE);

  it("makes a recovery point, and lists it", { timeout: 10 * MINUTE }, async () => {
    early = await executed("select 1");
    expect(await done("backup")).toMatchObject({ status: "done", fileSystem: former });
    const { exitCode, stdout } = await ops(
      stage,
      stage.view,
      ...documented("pnpm ops backup list --stage prod"),
    );
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/\npoint-1 .* COMPLETED +1\.0 MiB/)]);
  });

  it("makes requests and tokens that the backup doesn't have", {
    timeout: 10 * MINUTE,
  }, async () => {
    late = await executed("select 2");
    await done("tokens", "rotate", "reports");
  });

  it("restores after a cut, with one job, and names the token that is unknown", {
    timeout: 20 * MINUTE,
  }, async () => {
    backup.isHeld = true;
    const latest = documented("pnpm ops restore latest --stage prod");
    const first = await startOps(stage, stage.view, ...latest, "--yes");
    await eventually(async () => backup.looks > 0 || undefined, MINUTE);
    first.child.kill("SIGKILL");
    await first.ended;
    backup.isHeld = false;
    const end = await done(...latest, "--no-build");
    [restored = ""] = backup.restored.values();
    expect(end).toMatchObject({
      status: "done",
      fileSystem: restored,
      former,
      unknownTokens: ["reports"],
    });
    expect(backup.restored.size).toBe(1);
    expect(await fileSystem()).toBe(restored);
    expect(JSON.parse(await readFile(STATE, "utf8"))).toEqual({
      local: {
        state: { fileSystemId: restored, replaces: former },
        former: { fileSystemId: former },
      },
    });
  });

  it("has the requests and tokens of the time of the backup", { timeout: 10 * MINUTE }, async () => {
    expect(await requestStatus(stage.serverUrl, await admin(), early)).toBe("executed");
    await expect(requestStatus(stage.serverUrl, await admin(), late)).rejects.toThrow("404");
    await done("tokens", "rotate", "reports");
    await agentsAreHealthy();
  });

  it("keeps the former file system, and cleanup names it", { timeout: 5 * MINUTE }, async () => {
    const { FileSystems = [] } = await efs.send(new DescribeFileSystemsCommand({}));
    expect(FileSystems.map(({ FileSystemId }) => FileSystemId).sort()).toEqual([former, restored].sort());
    const { MountTargets = [] } = await efs.send(new DescribeMountTargetsCommand({ FileSystemId: former }));
    expect(MountTargets).toEqual([]);
    const { stdout } = await ops(stage, stage.view, ...documented("pnpm ops cleanup --stage prod"));
    expect(stdout).toMatch(new RegExp(`Also in the account.*File system ${former}`, "s"));
  });

  it("goes back to the former file system, where nothing is lost", { timeout: 15 * MINUTE }, async () => {
    expect(await done(...documented("pnpm ops restore --back --stage prod"), "--no-build")).toMatchObject({
      status: "done",
      fileSystem: former,
      former: restored,
      unknownTokens: ["reports"],
    });
    expect(await fileSystem()).toBe(former);
    expect(await requestStatus(stage.serverUrl, await admin(), late)).toBe("executed");
    await done("tokens", "rotate", "reports");
    await agentsAreHealthy();
  });

  it("has printed no token", () => {
    expect(printed.join("").length).toBeGreaterThan(1000);
    expect(holds(printed.join(""), [...known])).toBe(false);
  });
});

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "backup.amazonaws.com" }, Action: "sts:AssumeRole" }],
});
