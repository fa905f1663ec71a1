import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Answers, AwsFault, type Input } from "../test-support/aws-peer.ts";
import { CANARY, directory, ops, withAws } from "../test-support/ops-run.ts";
import { ACCOUNT } from "../test-support/preflight-run.ts";

const BIN = join(directory, "node_modules/.bin");
const CALLED = join(directory, "called");

/** A program that notes its arguments, and ends with this exit code. */
function program(name: string, exitCode = 0): void {
  mkdirSync(BIN, { recursive: true });
  writeFileSync(join(BIN, name), `#!/bin/sh\necho "${name} $*" >> ${CALLED}\nexit ${exitCode}\n`);
  chmodSync(join(BIN, name), 0o755);
}

function called(): string[] {
  return readFileSync(CALLED, "utf8").trim().split("\n");
}

beforeEach(() => writeFileSync(CALLED, ""));
afterEach(() => rmSync(join(directory, "node_modules"), { recursive: true, force: true }));

const stack = (StackName: unknown, StackStatus: string) => ({
  Stacks: [{ StackName, StackId: `id/${StackName}`, StackStatus, CreationTime: "2026-01-01T00:00:00Z" }],
});

/** An account in which the stage runs. */
const DEPLOYED: Answers = {
  ...ACCOUNT,
  DescribeServices: ({ services }) => ({
    services: (services as string[]).map((serviceName) => ({
      serviceName,
      status: "ACTIVE",
      desiredCount: 1,
      runningCount: 1,
      deployments: [{ id: "d1", status: "PRIMARY", rolloutState: "COMPLETED" }],
    })),
  }),
  ListTasks: () => ({ taskArns: ["task/1"] }),
  DescribeTasks: () => ({ tasks: [{ lastStatus: "RUNNING", healthStatus: "HEALTHY", startedBy: "d1" }] }),
};

describe("ops deploy", () => {
  it("runs SST, and waits until every service is healthy", async () => {
    program("sst");
    await withAws(DEPLOYED);
    const { code, out } = await ops("deploy --yes");
    expect(called()).toEqual(["sst deploy --stage prod"]);
    for (const service of ["server", "agent-app", "agent-reports"])
      expect(out).toContain(`${service}: 1 running and healthy`);
    expect(code).toBe(0);
  });

  it("runs the CDK's command instead, and keeps standard output for the JSON result", async () => {
    program("tsx");
    await withAws(DEPLOYED);
    const { code, out } = await ops("deploy --with cdk --yes --json");
    expect(called()).toEqual(["tsx --conditions=@dbward-aws/source cdk.ts deploy --stage prod"]);
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      { status: "done", tasks: { server: 1, app: 1, reports: 1 } },
    ]);
  });

  it("shows the plan, and runs nothing, with --dry-run", async () => {
    program("sst");
    await withAws(DEPLOYED);
    const { code, out } = await ops("deploy --dry-run");
    expect([code, called()]).toEqual([0, [""]]);
    expect(out).toMatch(
      /^Deploy stage prod to account 123456789012, eu-central-1:\n {2}1\. Deploy the stacks: sst/,
    );
  });

  it("stops before anything is changed when the account isn't ready", async () => {
    program("sst");
    await withAws({ ...DEPLOYED, DescribeSecret: () => ({}), GetSecretValue: () => ({ SecretString: "" }) });
    const { code, err } = await ops("deploy --yes");
    expect([code, called()]).toEqual([1, [""]]);
    expect(err).toMatch(/can't be deployed|must be|mistake/);
  });

  it("says which resource failed, and how the tasks ended, without secrets", async () => {
    program("sst", 3);
    await withAws({
      ...DEPLOYED,
      DescribeStacks: ({ StackName }) =>
        stack(
          StackName,
          String(StackName).endsWith("Agents") ? "UPDATE_ROLLBACK_COMPLETE" : "UPDATE_COMPLETE",
        ),
      DescribeStackEvents: () => ({
        StackEvents: [
          {
            LogicalResourceId: "Service",
            ResourceStatus: "UPDATE_FAILED",
            ResourceStatusReason: `bad ${CANARY}`,
          },
        ],
      }),
      DescribeTasks: () => ({
        tasks: [
          {
            group: "service:agent-app",
            lastStatus: "STOPPED",
            stoppedReason: "CannotPullContainerError: ghcr.io/dbward-dev/dbward-agent:9.9.9: not found",
            stoppedAt: 1,
          },
        ],
      }),
    });
    const { code, err } = await ops("deploy --yes");
    expect(code).toBe(1);
    expect(err).toContain("sst deploy ended with exit code 3.");
    expect(err).toContain("Stack prod-dbward-Agents is UPDATE_ROLLBACK_COMPLETE.");
    expect(err).toContain("Service failed: bad dbw_[redacted]");
    expect(err).toContain("! agent app: The image or its tag doesn't exist.");
    expect(err).toContain("CannotPullContainerError: ghcr.io/dbward-dev/dbward-agent:9.9.9: not found");
  });

  it("first waits for what a deployment that was cut off left under way", async () => {
    program("sst");
    let asked = 0;
    const guarded: unknown[] = [];
    await withAws({
      ...DEPLOYED,
      DescribeStacks: ({ StackName }: Input) => {
        const isBusy = String(StackName).endsWith("Server") && ++asked < 10;
        return stack(StackName, isBusy ? "UPDATE_IN_PROGRESS" : "UPDATE_COMPLETE");
      },
      UpdateTerminationProtection: ({ StackName, EnableTerminationProtection }: Input) => {
        guarded.push([StackName, EnableTerminationProtection]);
        return {};
      },
    });
    const { code, out } = await ops("deploy --yes");
    expect([code, called()]).toEqual([0, ["sst deploy --stage prod"]]);
    expect(out).toContain("1. Wait for stack prod-dbward-Server, which is UPDATE_IN_PROGRESS");
    // SST does not know termination protection.
    expect(guarded).toContainEqual(["prod-dbward-State", "true"]);
    expect(out).toContain("Termination protection of prod-dbward-State: on");
  }, 60_000);
});

/** A first deployment by a program in place of SST. Its stacks begin, and end, where these files are written. */
class FirstDeployment {
  readonly #begun = join(directory, "begun");
  readonly #ended = join(directory, "ended");
  readonly guarded = new Set<string>();
  /** Moments until the connection to the account is lost: before and after each change. */
  moments = Number.POSITIVE_INFINITY;
  #looks = 0;

  constructor() {
    for (const file of [this.#begun, this.#ended]) rmSync(file, { force: true });
  }

  /** Makes the program. @param cut when it is killed */
  program(cut: "before" | "during" | "after" | "never"): void {
    program("sst");
    const lines = [
      "#!/bin/sh",
      `[ -e ${this.#begun} ] && [ ! -e ${this.#ended} ] && echo "beside a deployment" >> ${CALLED}`,
      ...(cut === "before" ? ["kill -9 $$"] : [`touch ${this.#begun}`]),
      ...(cut === "during" ? ["kill -9 $$"] : [`touch ${this.#ended}`]),
      ...(cut === "after" ? ["kill -9 $$"] : []),
      `echo sst >> ${CALLED}`,
    ];
    writeFileSync(join(BIN, "sst"), lines.join("\n"));
  }

  answers(): Answers {
    return {
      ...DEPLOYED,
      DescribeStacks: ({ StackName }) => {
        if (!existsSync(this.#begun))
          throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
        // CloudFormation goes on without the program.
        if (!existsSync(this.#ended) && ++this.#looks > 20) writeFileSync(this.#ended, "");
        const [found] = stack(
          StackName,
          existsSync(this.#ended) ? "CREATE_COMPLETE" : "CREATE_IN_PROGRESS",
        ).Stacks;
        return { Stacks: [{ ...found, EnableTerminationProtection: this.guarded.has(String(StackName)) }] };
      },
      UpdateTerminationProtection: ({ StackName }) => {
        this.#pass();
        this.guarded.add(String(StackName));
        this.#pass();
        return { StackId: `id/${StackName}` };
      },
    };
  }

  #pass(): void {
    if (this.moments-- <= 0) throw new AwsFault("AccessDenied", "cut off");
  }
}

describe("ops deploy that was cut off", () => {
  /** Deploys to the end. */
  async function again(deployment: FirstDeployment): Promise<void> {
    writeFileSync(CALLED, "");
    deployment.moments = Number.POSITIVE_INFINITY;
    deployment.program("never");
    const { code, err } = await ops("deploy --yes");
    expect([code, called(), deployment.guarded.size], err).toEqual([0, ["sst"], 4]);
  }

  it.each(["before", "during", "after"] as const)(
    "is completed by another run when SST was killed %s its stacks, never beside what CloudFormation still does",
    async (cut) => {
      const deployment = new FirstDeployment();
      await withAws(deployment.answers());
      deployment.program(cut);
      expect((await ops("deploy --yes")).code).toBe(1);
      await again(deployment);
    },
    300_000,
  );

  it("is completed by another run after a cut at each change behind the deployment", async () => {
    for (let moments = 0; ; moments++) {
      const deployment = new FirstDeployment();
      await withAws(deployment.answers());
      deployment.program("never");
      deployment.moments = moments;
      const { code } = await ops("deploy --yes");
      await again(deployment);
      if (code !== 0) continue;
      expect(moments).toBe(8);
      break;
    }
  }, 600_000);
});
