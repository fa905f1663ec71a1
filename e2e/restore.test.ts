import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  BackupClient,
  GetBackupPlanCommand,
  GetBackupSelectionCommand,
  ListBackupSelectionsCommand,
} from "@aws-sdk/client-backup";
import { CloudFormationClient, DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import { DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient } from "@aws-sdk/client-efs";
import { GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
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
const MINUTE = 60_000;

/** One story: each test builds on the ones before it. */
describe.sequential("backing up and restoring the local stage", () => {
  let backup: BackupPeer;
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  let efs: EFSClient;
  let plan: Awaited<ReturnType<typeof deployedPlan>>;
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
    await stage.deploy();
    expect(await stage.steady()).toEqual([]);
    former = await fileSystem();
    plan = await deployedPlan();
    backup.vaults.add(plan.vault);
  }, 10 * MINUTE);
  afterAll(async () => {
    server?.close();
    efs?.destroy();
    account?.close();
    await stage?.close();
    await backup?.close();
  }, MINUTE);

  const fileSystem = async () => (await account.outputs(account.names.stack("State"))).FileSystemId ?? "";
  /** What the deployment has told the account to copy: the emulated AWS Backup keeps it, and does nothing. */
  const deployedPlan = async () => {
    const client = new BackupClient(stage.clientConfig());
    const iam = new IAMClient(stage.clientConfig());
    const cloudFormation = new CloudFormationClient(stage.clientConfig());
    try {
      const { StackResources: resources = [] } = await cloudFormation.send(
        new DescribeStackResourcesCommand({ StackName: account.names.stack("State") }),
      );
      const idOf = (type: string) =>
        resources.find(({ ResourceType }) => ResourceType === type)?.PhysicalResourceId ?? "";
      const BackupPlanId = idOf("AWS::Backup::BackupPlan");
      const { BackupPlan } = await client.send(new GetBackupPlanCommand({ BackupPlanId }));
      const { BackupSelectionsList = [] } = await client.send(
        new ListBackupSelectionsCommand({ BackupPlanId }),
      );
      const { BackupSelection } = await client.send(
        new GetBackupSelectionCommand({ BackupPlanId, SelectionId: BackupSelectionsList[0]?.SelectionId }),
      );
      const role = BackupSelection?.IamRoleArn ?? "";
      const { Role } = await iam.send(new GetRoleCommand({ RoleName: role.split("/").at(-1) }));
      const [rule] = BackupPlan?.Rules ?? [];
      return {
        vault: rule?.TargetBackupVaultName ?? "",
        keepDays: rule?.Lifecycle?.DeleteAfterDays,
        resources: BackupSelection?.Resources ?? [],
        role,
        trusted: decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""),
      };
    } finally {
      client.destroy();
      iam.destroy();
      cloudFormation.destroy();
    }
  };
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

  it("has told AWS Backup to copy its file system daily, into a vault of its own, as a role of its own", () => {
    expect(plan).toEqual({
      vault: expect.stringMatching(/^dbward-local-[0-9a-f]{8}$/),
      keepDays: 35,
      resources: [expect.stringMatching(new RegExp(`:file-system/${former}$`))],
      role: expect.stringMatching(/:role\/local-dbward-State-/),
      trusted: expect.stringContaining("backup.amazonaws.com"),
    });
  });

  it("makes a recovery point there, and lists it with that of the plan", {
    timeout: 10 * MINUTE,
  }, async () => {
    early = await executed("select 1");
    expect(await done("backup")).toMatchObject({ status: "done", fileSystem: former });
    expect(backup.rolesIn(plan.vault)).toEqual([plan.role]);
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
    // The hour of the plan has come.
    for (const resource of plan.resources) await backup.copy(resource, plan.vault, plan.role);
    late = await executed("select 2");
    await done("tokens", "rotate", "reports");
  });

  it("restores what the plan has copied after a cut, with one job, and names the token that is unknown", {
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
