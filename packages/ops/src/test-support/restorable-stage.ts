import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readStageState, readState, STATE_FILE } from "@dbward-aws/settings";
import { startHttpServer } from "../../../core/src/test-support/http-server.ts";
import { type Answers, AwsFault, type Input } from "./aws-peer.ts";
import { CANARY, directory, ops, withAws } from "./ops-run.ts";

export const FORMER = "fs-11111111";
export const RESTORED = "fs-22222222";
export const POINT =
  "arn:aws:backup:eu-central-1:123456789012:recovery-point:0a1b2c3d-0000-4000-8000-000000000001";
export const VAULT = "dbward-prod-0a1b2c3d";
export const BACKUP_ROLE = "arn:aws:iam::123456789012:role/prod-dbward-State-BackupRole";
const STACK = "arn:aws:cloudformation:eu-central-1:123456789012:stack/prod-dbward-State/1";
const KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const FILE = join(directory, STATE_FILE);
/** What the last deployment read. */
const DEPLOYED = join(directory, "deployed.json");
const BIN = join(directory, "node_modules/.bin");

interface FakeTask {
  readonly taskArn: string;
  readonly startedBy?: string;
  readonly mounts: string;
  lastStatus: "RUNNING" | "STOPPED";
  exitCode?: number;
}

/** Operations that change something, and so are steps at which a command may be cut off. */
const CHANGES = /^(Start|Create|Put|Tag|Update|Register|Run|Delete|Deregister)/;

/**
 * An account with a stage, its backups, and a program in place of SST that deploys what config/state.json has.
 * Answers have the shapes of the API references of AWS Backup, EFS and ECS.
 */
export class RestorableStage {
  desiredCount = 1;
  readonly fileSystems = new Map<string, { policy?: string; tags: unknown[]; mode: string }>();
  readonly jobs = new Map<string, Input>();
  mountTargets: string[] = [];
  accessPoints: string[] = [];
  isPlaced = false;
  /** What is on the file system that the task mounts. */
  exitCode = 0;
  /** Starts of the one-off task that fail before its container starts. */
  failedMounts = 0;
  jobStatus = "COMPLETED";
  /** Backup jobs that there are. */
  backupJobs: Input[] = [];
  /** Servers that ran when each backup was started. */
  readonly writersAtBackups: number[] = [];
  vaultPolicy: string | undefined;
  mostWriters = 1;
  tasks: FakeTask[] = [{ taskArn: "task/server", mounts: FORMER, lastStatus: "RUNNING" }];
  registered: Input = {};
  /** Tokens that the server doesn't know. */
  readonly unknown = new Set<string>();
  #left = Number.POSITIVE_INFINITY;

  constructor() {
    this.fileSystems.set(FORMER, { policy: "{}", tags: [], mode: "elastic" });
    rmSync(FILE, { force: true });
    rmSync(DEPLOYED, { force: true });
    mkdirSync(BIN, { recursive: true });
    this.deployment(`cp config/state.json deployed.json`);
  }

  /** Makes the program in place of SST. */
  deployment(script: string): void {
    writeFileSync(join(BIN, "sst"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** The file system that is deployed. */
  get deployed(): string {
    return existsSync(DEPLOYED)
      ? (JSON.parse(readFileSync(DEPLOYED, "utf8")) as Record<string, { state: { fileSystemId: string } }>)
          .prod!.state.fileSystemId
      : FORMER;
  }

  get record() {
    return readStageState(FILE, "prod");
  }

  get writers(): number {
    return this.tasks.filter(({ lastStatus, startedBy }) => lastStatus === "RUNNING" && !startedBy).length;
  }

  /** Runs a command line. @param events after how many it is cut off: every change is two, before it and before its answer */
  async run(line: string, events = Number.POSITIVE_INFINITY) {
    this.#left = events;
    const { calls } = await withAws(
      Object.fromEntries(
        Object.entries(this.#answers).map(([name, answer]) => [
          name,
          (input: Input) => {
            if (CHANGES.test(name)) this.#pass();
            const output = answer(input);
            if (CHANGES.test(name)) this.#pass();
            return output;
          },
        ]),
      ),
    );
    const server = await this.#server();
    try {
      const url = line.startsWith("restore") ? ` --url ${server.url}` : "";
      return { ...(await ops(`${line}${url}`, readState(FILE, "prod"))), calls };
    } finally {
      await server.close();
    }
  }

  #pass(): void {
    if (this.#left-- <= 0) throw new AwsFault("Cut", "the process was cut off");
  }

  #server() {
    return startHttpServer(({ url, headers }, response) => {
      if (url === "/api/me") {
        const token = headers.authorization?.replace("Bearer ", "") ?? "";
        response.statusCode = this.unknown.has(token) ? 401 : 403;
      }
      response.end(
        JSON.stringify({
          status: url === "/ready" ? "ready" : "ok",
          version: "0.2.0",
          min_agent_version: "0.2.0",
        }),
      );
    });
  }

  #scale(count: number): void {
    this.desiredCount = count;
    const running = this.tasks.filter(({ lastStatus, startedBy }) => lastStatus === "RUNNING" && !startedBy);
    if (count === 0) for (const task of running) task.lastStatus = "STOPPED";
    else if (running.length === 0)
      this.tasks.push({
        taskArn: `task/server-${this.tasks.length}`,
        mounts: this.deployed,
        lastStatus: "RUNNING",
      });
    this.mostWriters = Math.max(this.mostWriters, this.writers);
  }

  #fileSystem(id: unknown) {
    const found = this.fileSystems.get(String(id));
    if (!found) throw new AwsFault("FileSystemNotFound");
    return found;
  }

  readonly #answers: Answers = {
    DescribeStacks: ({ StackName }) => ({
      Stacks: [
        {
          StackName,
          StackId: STACK,
          StackStatus: "UPDATE_COMPLETE",
          CreationTime: "2026-01-01T00:00:00Z",
          Outputs: [
            { OutputKey: "FileSystemId", OutputValue: this.deployed },
            { OutputKey: "BackupVaultName", OutputValue: VAULT },
            { OutputKey: "BackupRoleArn", OutputValue: BACKUP_ROLE },
          ],
        },
      ],
    }),
    UpdateTerminationProtection: ({ StackName }) => ({ StackId: `id/${StackName}` }),
    ListStackResources: () => ({
      StackResourceSummaries: [
        {
          LogicalResourceId: "FileSystemSecurityGroup0A1B2C3D",
          PhysicalResourceId: "sg-11111111",
          ResourceType: "AWS::EC2::SecurityGroup",
          ResourceStatus: "CREATE_COMPLETE",
        },
      ],
    }),
    ListBackupVaults: () => ({ BackupVaultList: [{ BackupVaultName: VAULT }] }),
    ListRecoveryPointsByResource: ({ ResourceArn }) => ({
      RecoveryPoints: String(ResourceArn).endsWith(FORMER)
        ? [
            {
              RecoveryPointArn: POINT,
              BackupVaultName: VAULT,
              Status: "COMPLETED",
              CreationDate: 1_769_904_000,
            },
          ]
        : [],
    }),
    ListBackupJobs: () => ({ BackupJobs: this.backupJobs }),
    StartBackupJob: () => {
      this.writersAtBackups.push(this.writers);
      return { BackupJobId: "job-1" };
    },
    DescribeBackupJob: () => ({ State: "COMPLETED", RecoveryPointArn: POINT, BackupVaultName: VAULT }),
    DescribeRecoveryPoint: () => ({ Status: "COMPLETED" }),
    GetBackupVaultAccessPolicy: () => {
      if (this.vaultPolicy === undefined) throw new AwsFault("ResourceNotFoundException");
      return { Policy: this.vaultPolicy };
    },
    GetRecoveryPointRestoreMetadata: () => ({
      RestoreMetadata: { "file-system-id": FORMER, Encrypted: "true" },
    }),
    StartRestoreJob: (input) => {
      if (input.IamRoleArn !== BACKUP_ROLE) throw new AwsFault("InvalidParameterValueException");
      this.jobs.set(String(input.IdempotencyToken), input);
      return { RestoreJobId: "job-1" };
    },
    DescribeRestoreJob: () => {
      if (this.jobStatus !== "COMPLETED") return { Status: this.jobStatus, StatusMessage: "Access denied" };
      if (!this.fileSystems.has(RESTORED)) this.fileSystems.set(RESTORED, { tags: [], mode: "bursting" });
      return {
        Status: "COMPLETED",
        PercentDone: "100.00%",
        CreatedResourceArn: `arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/${RESTORED}`,
      };
    },
    DescribeFileSystems: ({ FileSystemId }) => {
      if (FileSystemId !== undefined) this.#fileSystem(FileSystemId);
      const ids = FileSystemId === undefined ? [...this.fileSystems.keys()] : [String(FileSystemId)];
      return {
        FileSystems: ids.map((id) => ({
          FileSystemId: id,
          LifeCycleState: "available",
          Encrypted: true,
          KmsKeyId: KEY,
          ThroughputMode: this.#fileSystem(id).mode,
          Tags: this.#fileSystem(id).tags,
        })),
      };
    },
    DescribeFileSystemPolicy: ({ FileSystemId }) => {
      const { policy } = this.#fileSystem(FileSystemId);
      if (policy === undefined) throw new AwsFault("PolicyNotFound");
      return { FileSystemId, Policy: policy };
    },
    DescribeMountTargets: ({ FileSystemId }) => ({
      MountTargets: this.mountTargets.map((MountTargetId) => ({
        MountTargetId,
        FileSystemId,
        SubnetId: "subnet-1",
        LifeCycleState: "available",
      })),
    }),
    CreateMountTarget: ({ SubnetId, SecurityGroups }) => {
      if (SubnetId !== "subnet-1" || String(SecurityGroups) !== "sg-11111111")
        throw new AwsFault("BadRequest", `${SubnetId} ${SecurityGroups}`);
      this.mountTargets.push(`fsmt-${this.mountTargets.length}`);
      return { MountTargetId: "fsmt-0" };
    },
    DeleteMountTarget: ({ MountTargetId }) => {
      this.mountTargets = this.mountTargets.filter((each) => each !== MountTargetId);
      return {};
    },
    DescribeAccessPoints: ({ FileSystemId, AccessPointId }) => ({
      AccessPoints:
        AccessPointId === undefined
          ? this.accessPoints.map((id) => ({ AccessPointId: id, FileSystemId, LifeCycleState: "available" }))
          : [{ AccessPointId, RootDirectory: { Path: "/state" } }],
    }),
    CreateAccessPoint: () => {
      this.accessPoints.push("fsap-1");
      return { AccessPointId: "fsap-1" };
    },
    DeleteAccessPoint: () => {
      this.accessPoints = [];
      return {};
    },
    TagResource: ({ ResourceId, Tags }) => {
      this.#fileSystem(ResourceId).tags.push(...(Tags as unknown[]));
      return {};
    },
    UpdateFileSystem: ({ FileSystemId, ThroughputMode }) => {
      this.#fileSystem(FileSystemId).mode = String(ThroughputMode);
      return {};
    },
    PutFileSystemPolicy: ({ FileSystemId, Policy }) => {
      if (!this.isPlaced || this.mountTargets.length > 0) throw new AwsFault("BadRequest", "too early");
      this.#fileSystem(FileSystemId).policy = String(Policy);
      return {};
    },
    GetMetricStatistics: () => ({ Datapoints: [] }),
    DescribeServices: ({ services }) => ({
      services: (services as string[]).map((serviceName) => ({
        serviceName,
        status: "ACTIVE",
        taskDefinition: "server:3",
        desiredCount: this.desiredCount,
        runningCount: this.writers,
        platformVersion: "1.4.0",
        networkConfiguration: {
          awsvpcConfiguration: { subnets: ["subnet-1", "subnet-2"], securityGroups: ["sg-server"] },
        },
        deployments: [{ id: "d1", status: "PRIMARY", rolloutState: "COMPLETED" }],
      })),
    }),
    DescribeTaskDefinition: () => ({
      taskDefinition: {
        executionRoleArn: "arn:aws:iam::123456789012:role/execution",
        containerDefinitions: [{ name: "server", image: "registry.invalid/server:0.2.0" }],
        volumes: [
          {
            name: "state",
            efsVolumeConfiguration: {
              fileSystemId: FORMER,
              authorizationConfig: { accessPointId: "fsap-0" },
            },
          },
        ],
      },
    }),
    UpdateService: ({ desiredCount }) => {
      this.#scale(Number(desiredCount));
      return { service: {} };
    },
    RegisterTaskDefinition: (input) => {
      this.registered = input;
      return {
        taskDefinition: { taskDefinitionArn: "arn:aws:ecs:eu-central-1:123456789012:task-definition/r:1" },
      };
    },
    DeregisterTaskDefinition: () => ({}),
    RunTask: ({ startedBy }) => {
      const isMounted = this.failedMounts-- <= 0;
      if (isMounted && this.exitCode === 0) this.isPlaced = true;
      const taskArn = `task/${this.tasks.length}`;
      this.tasks.push({
        taskArn,
        startedBy: String(startedBy),
        mounts: RESTORED,
        lastStatus: "STOPPED",
        ...(isMounted && { exitCode: this.exitCode }),
      });
      return { tasks: [{ taskArn }] };
    },
    ListTasks: ({ desiredStatus, family }) => ({
      taskArns: this.tasks
        .filter(
          (task) =>
            (family !== undefined) === (task.startedBy !== undefined) && task.lastStatus === desiredStatus,
        )
        .map(({ taskArn }) => taskArn),
    }),
    DescribeTasks: ({ tasks }) => ({
      tasks: this.tasks
        .filter(({ taskArn }) => (tasks as string[]).includes(taskArn))
        .map(({ taskArn, startedBy, lastStatus, exitCode }) => ({
          taskArn,
          lastStatus,
          healthStatus: "HEALTHY",
          startedBy: startedBy ?? "d1",
          stoppedReason: "Essential container in task exited",
          containers: [{ name: "server", exitCode }],
        })),
    }),
    DescribeSecret: () => ({ VersionIdsToStages: { v1: ["AWSCURRENT"] } }),
    GetSecretValue: ({ SecretId }) => ({ SecretString: `${CANARY}-${String(SecretId).split("/").at(-1)}` }),
  };
}
