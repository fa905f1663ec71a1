import { type ApplyState, formatApplyState } from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { CANARY, ops, withAws } from "../test-support/ops-run.ts";

const SUBNET = "subnet-00000001";
const VPC = "vpc-00000001";
const GROUPS = { server: "sg-000000aa", app: "sg-000000bb", database: "sg-000000cc" };
const SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:dbward/prod/app-url-AbCdEf";
const KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";

const RUNNING = { lastStatus: "RUNNING", healthStatus: "HEALTHY", startedAt: 1_780_000_000 };
const EXEC = { name: "ExecuteCommandAgent", lastStatus: "RUNNING" };

const open = (port: number, group: string) => ({
  ipProtocol: "tcp",
  fromPort: port,
  toPort: port,
  groups: [{ groupId: group }],
});
const rules = {
  [GROUPS.server]: { ipPermissions: [open(3000, GROUPS.app)], ipPermissionsEgress: [] as object[] },
  [GROUPS.app]: {
    ipPermissions: [],
    ipPermissionsEgress: [open(3000, GROUPS.server), open(5432, GROUPS.database)],
  },
  [GROUPS.database]: { ipPermissions: [open(5432, GROUPS.app)], ipPermissionsEgress: [] },
};

/** What EC2 answers about the network of the tasks. */
interface Network {
  /** The default route of their table; `null` for none. */
  readonly route?: object | null;
  readonly gateways?: readonly object[];
  readonly endpoints?: readonly string[];
  readonly groups?: Readonly<Record<string, object>>;
}

const NAT_ROUTE = { natGatewayId: "nat-1", state: "active" };

function network({
  route = NAT_ROUTE,
  gateways = [{ natGatewayId: "nat-1", state: "available", vpcId: VPC }],
  endpoints = [],
  groups = rules,
}: Network = {}): Answers {
  return {
    DescribeSubnets: () => ({ subnetSet: [{ subnetId: SUBNET, vpcId: VPC }] }),
    DescribeRouteTables: () => ({
      routeTableSet: [
        {
          routeTableId: "rtb-1",
          vpcId: VPC,
          associationSet: [{ main: true }],
          routeSet: [
            { destinationCidrBlock: "10.0.0.0/16", gatewayId: "local", state: "active" },
            ...(route ? [{ destinationCidrBlock: "0.0.0.0/0", ...route }] : []),
          ],
        },
      ],
    }),
    DescribeNatGateways: () => ({ natGatewaySet: gateways }),
    DescribeVpcEndpoints: () => ({
      vpcEndpointSet: endpoints.map((name) => ({
        serviceName: `com.amazonaws.eu-central-1.${name}`,
        state: "available",
        vpcId: VPC,
      })),
    }),
    DescribeSecurityGroups: () => ({
      securityGroupInfo: Object.entries(groups).map(([groupId, all]) => ({ groupId, ...all })),
    }),
  };
}

/** Answers about a stage in which all is well, with the server and one agent, and a database with a group. */
function stage(changes: Answers = {}): Answers {
  const service = (serviceName: string, group: string) => ({
    serviceName,
    status: "ACTIVE",
    desiredCount: 1,
    runningCount: 1,
    taskDefinition: `${serviceName}:3`,
    deployments: [{ id: "d1", status: "PRIMARY", rolloutState: "COMPLETED" }],
    networkConfiguration: { awsvpcConfiguration: { subnets: [SUBNET], securityGroups: [group] } },
  });
  const services = [service("server", GROUPS.server), service("agent-app", GROUPS.app)];
  return {
    DescribeStacks: ({ StackName }) => ({
      Stacks: [{ StackName, StackStatus: "UPDATE_COMPLETE", CreationTime: "2026-01-01T00:00:00Z" }],
    }),
    ListStackResources: () => ({ StackResourceSummaries: [] }),
    DescribeServices: ({ services: wanted }) => ({
      services: services.filter(({ serviceName }) => (wanted as string[]).includes(serviceName)),
    }),
    // The server can't be asked for its version, or for tokens.
    StartSession: () => {
      throw new AwsFault("AccessDeniedException");
    },
    ListTasks: ({ desiredStatus, serviceName }) => {
      if (desiredStatus === "STOPPED") return { taskArns: [] };
      return { taskArns: serviceName === "server" ? ["c/t1"] : ["c/t1", "c/t2"] };
    },
    DescribeTasks: ({ tasks }) => ({
      tasks: ["server", "agent-app"].slice(0, (tasks as string[]).length).map((name, at) => ({
        ...RUNNING,
        taskArn: `c/t${at + 1}`,
        group: `service:${name}`,
        containers: [
          { name: "server", runtimeId: "runtime-1", managedAgents: name === "server" ? [EXEC] : [] },
        ],
      })),
    }),
    DescribeTaskDefinition: ({ taskDefinition }) => ({
      taskDefinition: {
        containerDefinitions: [
          {
            name: "agent",
            secrets:
              taskDefinition === "agent-app:3"
                ? [{ name: "DATABASE_URL", valueFrom: `${SECRET}:url::` }]
                : [],
          },
        ],
      },
    }),
    DescribeSecret: () => ({
      VersionIdsToStages: { v1: ["AWSCURRENT"] },
      LastChangedDate: 1_780_000_000,
      KmsKeyId: KEY,
    }),
    GetSecretValue: ({ SecretId }) => ({
      SecretString: `${CANARY.slice(0, -1)}${String(SecretId).length % 10}`,
    }),
    GetParameter: () => {
      throw new AwsFault("ParameterNotFound", "");
    },
    DescribeKey: () => ({ KeyMetadata: { KeyId: KEY, KeyState: "Enabled" } }),
    DescribeAlarms: () => ({
      MetricAlarms: [{ AlarmName: "dbward-prod-agents-offline", StateValue: "OK", AlarmDescription: "x" }],
    }),
    DescribeAlarmHistory: () => ({ AlarmHistoryItems: [] }),
    GetMetricData: ({ MetricDataQueries }) => ({
      MetricDataResults: (MetricDataQueries as { Id: string }[]).map(({ Id }) => ({
        Id,
        Values: [1],
        Timestamps: [Date.now() / 1000],
      })),
    }),
    ...network(),
    ...changes,
  };
}

const SETTINGS = {
  network: { vpcId: VPC, subnets: [SUBNET, "subnet-00000002"] },
  agents: [
    {
      name: "app",
      token: "bootstrap" as const,
      image: { tag: "0.2.0" },
      configToml:
        '[server]\nurl = "http://server:3000"\nagent_token = "$' +
        '{DBWARD_AGENT_TOKEN}"\n[databases.app.production]\nurl = "$' +
        '{DATABASE_URL}"\n',
      database: { urlSecret: "dbward/prod/app-url", securityGroupId: GROUPS.database },
    },
  ],
};

/** The findings about a stage that is as {@link stage} has it, but for these answers. */
async function findings(changes: Answers) {
  await withAws(stage(changes));
  const { code, out, err } = await ops("doctor --json", SETTINGS);
  expect(err).toBe("");
  expect(out).not.toContain(CANARY);
  const { findings } = JSON.parse(out) as { findings: Record<string, unknown>[] };
  expect(code).toBe(findings.some(({ severity }) => severity === "error") ? 1 : 0);
  return findings;
}

const finding = (code: string, subject: string, problem: string, remedy: string) =>
  expect.objectContaining({
    code,
    subject,
    severity: "error",
    problem: expect.stringContaining(problem),
    remedy: expect.stringContaining(remedy),
  });

describe("ops doctor", () => {
  it("finds nothing where all is well", async () => {
    expect(await findings({})).toEqual([]);
  });

  describe("daily copies of the file system", () => {
    const DAY = 86_400_000;
    const ago = (days: number) => (Date.now() - days * DAY) / 1000;
    /** @param deployed days since the plan was deployed. @param copies days since each copy */
    const backups = (deployed: number, copies: readonly number[], jobs: readonly object[] = []): Answers => ({
      DescribeStacks: ({ StackName }) => ({
        Stacks: [
          {
            StackName,
            StackId: `arn:aws:cloudformation:eu-central-1:123456789012:stack/${StackName}/1`,
            StackStatus: "UPDATE_COMPLETE",
            CreationTime: "2026-01-01T00:00:00Z",
            Outputs: [{ OutputKey: "FileSystemId", OutputValue: "fs-1" }],
          },
        ],
      }),
      ListStackResources: ({ StackName }) => ({
        StackResourceSummaries: String(StackName).endsWith("State")
          ? [
              {
                LogicalResourceId: "Selection",
                PhysicalResourceId: "selection-1",
                ResourceType: "AWS::Backup::BackupSelection",
                ResourceStatus: "CREATE_COMPLETE",
                LastUpdatedTimestamp: new Date(Date.now() - deployed * DAY).toISOString(),
              },
            ]
          : [],
      }),
      ListRecoveryPointsByResource: ({ ResourceArn }) => {
        expect(ResourceArn).toBe("arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-1");
        return {
          RecoveryPoints: copies.map((days) => ({ Status: "COMPLETED", CreationDate: ago(days) })),
        };
      },
      ListBackupJobs: () => ({ BackupJobs: jobs }),
    });

    it.each([
      ["a copy of this night", 30, [1, 0.3]],
      ["a plan that is new", 1, []],
      ["a copy of the day before", 30, [1.9]],
    ])("are all right with %s", async (_what, deployed, copies) => {
      expect(await findings(backups(deployed, copies))).toEqual([]);
    });

    it("are missed after two days, with what AWS Backup says of the last job", async () => {
      const jobs = [
        { BackupJobId: "job-1", State: "FAILED", StatusMessage: "earlier", CreationDate: ago(2) },
        { BackupJobId: "job-2", State: "EXPIRED", StatusMessage: "Access denied", CreationDate: ago(1) },
        { BackupJobId: "job-3", State: "COMPLETED", CreationDate: ago(0) },
      ];
      expect(await findings(backups(30, [2.1, 5], jobs))).toEqual([
        expect.objectContaining({
          code: "backup-overdue",
          severity: "warning",
          problem: expect.stringMatching(/^The newest copy of file system fs-1 is of 20/),
          evidence: [expect.stringMatching(/job-2 of .* is EXPIRED: Access denied/)],
          remedy: expect.stringContaining("pnpm ops backup --stage prod"),
        }),
      ]);
      expect(await findings(backups(3, []))).toEqual([
        expect.objectContaining({ problem: "File system fs-1 has no copy, and one is due every day." }),
      ]);
    });

    it("are not checked where that is not allowed", async () => {
      const ListRecoveryPointsByResource = () => {
        throw new AwsFault("AccessDeniedException", "not authorized");
      };
      expect(await findings({ ...backups(30, []), ListRecoveryPointsByResource })).toEqual([
        expect.objectContaining({ code: "not-checked", problem: "The daily copy was not checked." }),
      ]);
    });
  });

  describe("finds that tasks have no way to AWS", () => {
    it.each<[string, Network, string, string]>([
      [
        "without a default route and endpoints",
        { route: null, endpoints: ["ecr.api", "ecr.dkr", "logs"] },
        "no default route, and the VPC no endpoint for s3, secretsmanager",
        "Create these VPC endpoints",
      ],
      [
        "by a route to something deleted",
        { route: { ...NAT_ROUTE, state: "blackhole" } },
        "no longer exists",
        "rtb-1",
      ],
      [
        "by a NAT gateway that failed",
        { gateways: [{ natGatewayId: "nat-1", state: "failed", vpcId: VPC }] },
        "NAT gateway nat-1, to which route table rtb-1 leads, is not available",
        "Create a NAT gateway",
      ],
      [
        "from a public subnet without an address",
        { route: { gatewayId: "igw-1", state: "active" } },
        "the tasks have no public address",
        'egress: "public"',
      ],
    ])("%s", async (_why, answers, problem, remedy) => {
      expect(await findings(network(answers))).toEqual([
        finding("no-way-out", "server", problem, remedy),
        finding("no-way-out", "agent app", problem, remedy),
      ]);
    });

    it("but not with all endpoints", async () => {
      const endpoints = ["ecr.api", "ecr.dkr", "logs", "s3", "secretsmanager"];
      expect(await findings(network({ route: null, endpoints }))).toEqual([]);
    });
  });

  describe("finds what security groups close", () => {
    it.each<[string, Readonly<Record<string, object>>, string, string, string]>([
      [
        "in front of the database",
        { ...rules, [GROUPS.database]: { ipPermissions: [open(5433, GROUPS.app)] } },
        "database-closed",
        `${GROUPS.database} of the database of DATABASE_URL does not admit ${GROUPS.app} on port 5432`,
        `--group-id ${GROUPS.database} --protocol tcp --port 5432 --source-group ${GROUPS.app}`,
      ],
      [
        "in front of the server",
        { ...rules, [GROUPS.server]: { ipPermissions: [open(3000, "sg-000000dd")] } },
        "server-closed",
        `${GROUPS.server} of the server does not admit ${GROUPS.app} on port 3000`,
        `--group-id ${GROUPS.server} --protocol tcp --port 3000`,
      ],
      [
        "on the agent's side",
        { ...rules, [GROUPS.app]: { ipPermissionsEgress: [open(3000, GROUPS.server)] } },
        "database-closed",
        `${GROUPS.app} of agent app opens no way to the database of DATABASE_URL on port 5432`,
        "pnpm sst deploy --stage prod",
      ],
      [
        "because the group was deleted",
        { [GROUPS.server]: rules[GROUPS.server]!, [GROUPS.app]: rules[GROUPS.app]! },
        "database-closed",
        `Security group ${GROUPS.database} of the database of DATABASE_URL doesn't exist`,
        "Name one that exists",
      ],
    ])("%s", async (_where, groups, code, problem, remedy) => {
      expect(await findings(network({ groups }))).toEqual([finding(code, "agent app", problem, remedy)]);
    });

    it("but not when blocks of addresses or all protocols are open", async () => {
      const groups = {
        ...rules,
        [GROUPS.server]: { ipPermissions: [{ ipProtocol: "-1", groups: [{ groupId: GROUPS.app }] }] },
        [GROUPS.database]: {
          ipPermissions: [
            { ipProtocol: "tcp", fromPort: 5000, toPort: 6000, ipRanges: [{ cidrIp: "10.0.0.0/16" }] },
          ],
        },
      };
      expect(await findings(network({ groups }))).toEqual([]);
    });
  });

  describe("finds what is wrong with a secret of a task", () => {
    /** One answer for the database's secret; those of tokens are well. */
    const secret = (answer: () => object): Answers => ({
      DescribeSecret: ({ SecretId }) =>
        SecretId === SECRET ? answer() : { VersionIdsToStages: { v1: ["AWSCURRENT"] }, LastChangedDate: 1 },
    });
    it.each<[string, Answers, string, string, string]>([
      [
        "that doesn't exist",
        secret(() => {
          throw new AwsFault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
        }),
        "secret-missing",
        "Secret dbward/prod/app-url doesn't exist",
        "pnpm ops restart agent app --stage prod",
      ],
      [
        "that is about to be deleted",
        secret(() => ({ DeletedDate: 1_780_000_000, VersionIdsToStages: { v1: ["AWSCURRENT"] } })),
        "secret-being-deleted",
        "scheduled for deletion",
        "restore-secret --secret-id dbward/prod/app-url",
      ],
      [
        "that has no value",
        secret(() => ({ VersionIdsToStages: {} })),
        "secret-empty",
        "has no value",
        "put-secret-value --secret-id dbward/prod/app-url",
      ],
      [
        "whose key is disabled",
        { DescribeKey: () => ({ KeyMetadata: { KeyId: KEY, KeyState: "Disabled" } }) },
        "key-unusable",
        `Key ${KEY} of secret dbward/prod/app-url is Disabled`,
        `enable-key --key-id ${KEY}`,
      ],
      [
        "whose key is about to be deleted",
        { DescribeKey: () => ({ KeyMetadata: { KeyId: KEY, KeyState: "PendingDeletion" } }) },
        "key-unusable",
        "is PendingDeletion",
        `cancel-key-deletion --key-id ${KEY}`,
      ],
    ])("%s", async (_what, answers, code, problem, remedy) => {
      expect(await findings(answers)).toEqual([finding(code, "agent app", problem, remedy)]);
    });
  });

  it("finds an exec agent that did not start, with ECS's reason", async () => {
    const [found, ...others] = await findings({
      DescribeTasks: () => ({
        tasks: [
          {
            ...RUNNING,
            taskArn: "c/t1",
            group: "service:server",
            containers: [
              {
                name: "server",
                managedAgents: [{ ...EXEC, lastStatus: "STOPPED", reason: "no credentials" }],
              },
            ],
          },
          { ...RUNNING, taskArn: "c/t2", group: "service:agent-app", containers: [] },
        ],
      }),
    });
    expect([found, others]).toEqual([
      finding("exec-agent-not-running", "server", "The exec agent of task t1 is STOPPED", "ssmmessages"),
      [],
    ]);
    expect(found?.evidence).toEqual(["no credentials"]);
  });

  it("names changes that were refused or did not succeed, until the tasks have current values", async () => {
    const state: ApplyState = {
      server: {
        refused: { parameter: "/dbward/server", version: 7, mistakes: ["/dbward/server:3: no [toml]"] },
      },
      "agent-app": { applied: { changedAt: "2026-01-02T03:04:05.000Z", deployment: "d0", failed: true } },
    };
    const answer = (value: ApplyState) => ({
      GetParameter: ({ Name }: { Name?: unknown }) => ({
        Parameter: { Name, Value: formatApplyState(value) },
      }),
    });
    expect(await findings(answer(state))).toMatchObject([
      {
        code: "config-refused",
        subject: "server",
        problem: expect.stringMatching(/^Version 7 of SSM parameter \/dbward\/server was refused/),
        evidence: ["/dbward/server:3: no [toml]"],
        remedy: "Correct it with: pnpm ops config push server --stage prod",
      },
      {
        code: "change-failed",
        subject: "agent app",
        remedy: expect.stringContaining("pnpm ops restart agent app --stage prod"),
      },
    ]);
    const underWay = {
      "agent-app": { applied: { changedAt: "2026-01-02T03:04:05.000Z", deployment: "d1" } },
    };
    expect(await findings(answer(underWay))).toEqual([]);
  });

  it.each([
    ["a secret", "DescribeSecret", SECRET, "Secret dbward/prod/app-url", "agent app"],
    ["its key", "DescribeKey", KEY, "Secret dbward/prod/app-url", "agent app"],
    ["security groups", "DescribeSecurityGroups", undefined, "The network", "doctor"],
    ["route tables", "DescribeRouteTables", undefined, "The network", "doctor"],
  ])("reports what it may not read of %s, and continues", async (_what, operation, id, what, subject) => {
    const answer = stage()[operation]!;
    expect(
      await findings({
        [operation]: (input) => {
          if (id !== undefined && input.SecretId !== id && input.KeyId !== id) return answer(input);
          throw new AwsFault(
            operation.startsWith("DescribeSecurity") || operation.startsWith("DescribeRoute")
              ? "UnauthorizedOperation"
              : "AccessDeniedException",
            "You are not authorized to perform this operation.",
          );
        },
      }),
    ).toEqual([
      {
        code: "not-checked",
        subject,
        severity: "unknown",
        problem: `${what} was not checked.`,
        evidence: [expect.stringContaining("not authorized")],
        remedy: "Grant your identity the permission",
      },
    ]);
  });
});
