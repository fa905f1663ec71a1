import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import { type CliRun, ops, withAws } from "../test-support/ops-run.ts";

/** The services of a stage in ECS, which allows some calls and is gone then. */
class Services {
  readonly tasks = new Map([
    ["agent-app", 1],
    ["agent-reports", 1],
  ]);
  /** Services by the deployments that were forced. */
  readonly forced: string[] = [];
  calls = 0;
  #allowed = Number.POSITIVE_INFINITY;

  /** @param allowed calls that are answered from now on */
  allow(allowed: number): void {
    this.calls = 0;
    this.#allowed = allowed;
  }

  answers(): Answers {
    const one = (name: string) => ({
      serviceName: name,
      status: "ACTIVE",
      desiredCount: this.tasks.get(name),
      runningCount: this.tasks.get(name),
      taskDefinition: `${name}:3`,
      deployments: [{ id: "d1", status: "PRIMARY", rolloutState: "COMPLETED" }],
    });
    const all: Answers = {
      DescribeServices: ({ services }) => ({ services: (services as string[]).map(one) }),
      UpdateService: ({ service, desiredCount, forceNewDeployment }) => {
        const name = String(service);
        if (desiredCount !== undefined) this.tasks.set(name, Number(desiredCount));
        if (forceNewDeployment) this.forced.push(name);
        return { service: one(name) };
      },
      ListTasks: ({ serviceName, desiredStatus }) => ({
        taskArns:
          desiredStatus === "STOPPED"
            ? []
            : Array.from({ length: this.tasks.get(String(serviceName))! }, (_, at) => `c/t${at}`),
      }),
      DescribeTasks: ({ tasks }) => ({
        tasks: (tasks as string[]).map((taskArn) => ({
          taskArn,
          lastStatus: "RUNNING",
          healthStatus: "HEALTHY",
          startedBy: "d1",
        })),
      }),
    };
    return Object.fromEntries(
      Object.entries(all).map(([name, answer]) => [
        name,
        (input: Parameters<typeof answer>[0]) => {
          if (this.calls >= this.#allowed) throw new AwsFault("AccessDeniedException", "cut off");
          this.calls++;
          return answer(input);
        },
      ]),
    );
  }
}

/** Cuts a command off before its first call, before its second one, and so on, each time in a new account. */
async function cutAtEveryCall(
  line: string,
  check: (services: Services, again: CliRun) => Promise<void>,
): Promise<number> {
  for (let allowed = 0; ; allowed++) {
    const services = new Services();
    await withAws(services.answers());
    services.allow(allowed);
    const first = await ops(line);
    if (first.code === 0) return allowed;
    expect(first.err, `cut off after ${allowed} calls`).toContain("cut off");
    services.allow(Number.POSITIVE_INFINITY);
    await check(services, await ops(line));
  }
}

describe("a command that was cut off is run again, and completes", () => {
  it("scale", async () => {
    const cuts = await cutAtEveryCall("scale agent --count 3 --yes", async (services, { code }) => {
      expect([code, ...services.tasks.values()]).toEqual([0, 3, 3]);
      expect(await ops("scale agent --count 3 --yes")).toMatchObject({
        code: 0,
        out: "Scale app, reports of stage prod to 3: nothing to do.",
      });
    });
    expect(cuts).toBeGreaterThan(6);
  });

  it("restart", async () => {
    const cuts = await cutAtEveryCall("restart agent --yes", async (services, { code }) => {
      expect([code, ...services.tasks.values()]).toEqual([0, 1, 1]);
      // In order, whatever the first run has restarted.
      expect(services.forced.slice(-2)).toEqual(["agent-app", "agent-reports"]);
    });
    expect(cuts).toBeGreaterThan(6);
  });
});
