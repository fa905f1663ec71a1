import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CreateStackCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
} from "@aws-sdk/client-cloudformation";
import { EC2Client } from "@aws-sdk/client-ec2";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { stageNames } from "@dbward-aws/contract";
import { LOCAL_REGION } from "@dbward-aws/local-account";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { createAwsClients, forwardFromServer, type ServiceReference } from "@dbward-aws/stage";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { DATABASE_URL } from "./support/changes.ts";
import { documented } from "./support/documented.ts";
import { AGENT_TEMPLATE, SERVER_TEMPLATE, STORAGE_TEMPLATE } from "./support/hand-run-templates.ts";
import { createPublicNetwork } from "./support/platform.ts";
import { type CommandEnd, ops } from "./support/run-command.ts";
import { createRequest, requestExecuted, requestStatus } from "./support/server-api.ts";
import { startStory } from "./support/start-story.ts";
import { holds } from "./support/written-files.ts";

const DIRECTORY = join(import.meta.dirname, "..", ".local", "e2e-adopt");
const PROJECT = join(DIRECTORY, "project");
const NAMES = stageNames("local");
const FORMER = "acme-dbward";
const MINUTE = 60_000;
const OPTIONS = ["--database-cidrs", "203.0.113.10/32", "--no-build"];

/** A manual deployment that becomes a stage. Each test builds on the ones before it. */
describe.sequential("a manual deployment", () => {
  let stage: LocalStage;
  let account: Account;
  let ec2: EC2Client;
  let fileSystemId: string;
  let adminToken: string;
  let request: string;
  const printed: string[] = [];

  const ADOPT = documented("pnpm ops adopt --stage prod");
  const run = async (...args: string[]): Promise<CommandEnd> => {
    const end = await ops(stage, PROJECT, ...args, ...OPTIONS);
    printed.push(end.stdout, end.stderr);
    return end;
  };
  const createStack = async (StackName: string, template: object, parameters: Record<string, string>) => {
    await account.cloudFormation.send(
      new CreateStackCommand({
        StackName,
        TemplateBody: JSON.stringify(template),
        Capabilities: ["CAPABILITY_NAMED_IAM"],
        Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
          ParameterKey,
          ParameterValue,
        })),
      }),
    );
    return eventually(async () => {
      const { Stacks = [] } = await account.cloudFormation.send(new DescribeStacksCommand({ StackName }));
      const { StackStatus, StackStatusReason } = Stacks[0]!;
      if (StackStatus !== "CREATE_COMPLETE") throw new Error(`${StackStatus}: ${StackStatusReason}`);
      return account.outputs(StackName);
    }, 5 * MINUTE);
  };
  const file = (name: string) => readFile(join(DIRECTORY, "efs", fileSystemId, "dbward", name), "utf8");
  const tasksOf = async (cluster: string, service: string) => {
    const { desiredCount, runningCount } = await account.service(service, cluster);
    return [desiredCount, runningCount];
  };
  const withServer = async <T>(service: ServiceReference, work: (url: string) => Promise<T>): Promise<T> => {
    const port = await forwardFromServer(createAwsClients(LOCAL_REGION, stage.clientConfig()), service, {
      waitForTask: MINUTE,
    });
    try {
      return await work(`http://127.0.0.1:${port.localPort}`);
    } finally {
      await port.close();
    }
  };
  const former: ServiceReference = { cluster: FORMER, service: "server", container: "server" };
  const present: ServiceReference = {
    cluster: NAMES.cluster,
    service: NAMES.serverService,
    container: "server",
  };

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "example.config.ts");
    account = new Account(stage);
    ec2 = new EC2Client(stage.clientConfig());
    const { vpcId, subnets } = await createPublicNetwork(ec2);
    const network = { VpcId: vpcId, SubnetIds: subnets.join(",") };
    const { BucketName = "" } = await createStack("acme-results", STORAGE_TEMPLATE, {});
    const [serverToml, agentToml] = await Promise.all(
      ["server", "agent"].map((name) => readFile(join(DIRECTORY, `project/config/${name}.toml`), "utf8")),
    );
    const server = await createStack(FORMER, SERVER_TEMPLATE, {
      ...network,
      ServerConfigToml: `state_dir = "/data"\n${serverToml}`,
      ResultBucketName: BucketName,
    });
    fileSystemId = server.FileSystemId!;
    const secret = await account.secretsManager.send(
      new CreateSecretCommand({
        Name: "acme/agent-token",
        SecretString: await eventually(async () => (await file("agent-token")) || undefined, 3 * MINUTE),
      }),
    );
    await createStack("acme-agent", AGENT_TEMPLATE, {
      ...network,
      ClusterName: FORMER,
      ServerSecurityGroupId: server.ServerSecurityGroupId!,
      AgentTokenSecretArn: secret.ARN!,
      DatabaseUrlSecretArn: await account.secretArn(DATABASE_URL),
      AgentConfigToml: agentToml!,
    });
    adminToken = (await file("admin-token")).trim();
    await withServer(former, async (url) => {
      request = await createRequest(url, adminToken, "select 1");
      await requestExecuted(url, adminToken, request, 3 * MINUTE);
    });
  }, 15 * MINUTE);

  afterAll(async () => {
    ec2?.destroy();
    account?.close();
    await stage?.close();
  }, MINUTE);

  it("is found by its shape, and nothing is changed without consent", { timeout: 3 * MINUTE }, async () => {
    const before = await readFile(join(PROJECT, "dbward.config.ts"), "utf8");
    const { exitCode, stdout, stderr } = await run(...ADOPT, "--dry-run");
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain(`Take over ${FORMER}, acme-agent, acme-results as stage local`);
    expect(stdout).toContain(`Create a mount target of ${fileSystemId}`);
    expect(stdout).toContain("may reach port 5432 of every address today");
    expect(await readFile(join(PROJECT, "dbward.config.ts"), "utf8")).toBe(before);
    expect(await tasksOf(FORMER, "server")).toEqual([1, 1]);
  });

  it("becomes a stage with the same state", { timeout: 15 * MINUTE }, async () => {
    const { exitCode, stdout, stderr } = await run(...ADOPT, "--yes", "--json");
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "done",
      former: [FORMER, "acme-agent", "acme-results"],
    });
    expect(await tasksOf(FORMER, "server")).toEqual([0, 0]);
    expect(await tasksOf(FORMER, "agent")).toEqual([0, 0]);
    // Booleans, so that a failure doesn't print a token.
    expect((await account.secret(NAMES.adminTokenSecret)).trim() === adminToken).toBe(true);
    await withServer(present, async (url) => {
      expect(await requestStatus(url, adminToken, request)).toBe("executed");
      const again = await createRequest(url, adminToken, "select 2");
      await requestExecuted(url, adminToken, again, 3 * MINUTE);
    });
  });

  it("retains what the stage uses", async () => {
    const { TemplateBody = "" } = await account.cloudFormation.send(
      new GetTemplateCommand({ StackName: FORMER }),
    );
    const { Resources } = JSON.parse(TemplateBody) as {
      Resources: Record<string, { DeletionPolicy?: string }>;
    };
    for (const id of ["DataFileSystem", "DataAccessPoint", "MountTarget", "MountGroup"])
      expect(Resources[id]?.DeletionPolicy, id).toBe("Retain");
    expect(Resources.Service?.DeletionPolicy).toBeUndefined();
  });

  it("has nothing to do a second time, and says what remains", { timeout: 3 * MINUTE }, async () => {
    const { exitCode, stdout } = await run(...ADOPT, "--yes");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("nothing to do");
    expect(stdout).toContain(`aws cloudformation delete-stack --stack-name ${FORMER}`);
  });

  it("goes back, with what was done in the meantime", { timeout: 10 * MINUTE }, async () => {
    const { exitCode, stderr } = await run(...documented("pnpm ops adopt --back --stage prod"), "--yes");
    expect(exitCode, stderr).toBe(0);
    expect(await tasksOf(NAMES.cluster, NAMES.serverService)).toEqual([0, 0]);
    expect(await tasksOf(FORMER, "server")).toEqual([1, 1]);
    await withServer(former, async (url) => {
      expect(await requestStatus(url, adminToken, request)).toBe("executed");
    });
  });

  it("is taken over again", { timeout: 15 * MINUTE }, async () => {
    const { exitCode, stderr } = await run(...ADOPT, "--yes");
    expect(exitCode, stderr).toBe(0);
    expect(await tasksOf(FORMER, "server")).toEqual([0, 0]);
    expect(await tasksOf(NAMES.cluster, NAMES.serverService)).toEqual([1, 1]);
    expect(await tasksOf(NAMES.cluster, NAMES.agentService("app"))).toEqual([1, 1]);
  });

  it("has printed no token", () => {
    expect(printed.join("").length).toBeGreaterThan(1000);
    expect(holds(printed.join(""), [adminToken])).toBe(false);
  });
});
