import { describe, expect, it } from "vitest";
import type { ServiceRecord } from "./ecs-records.ts";
import { RunningService } from "./running-service.ts";
import type { RunningTask } from "./running-task.ts";

function record(id: string, more: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    serviceArn: "arn:service",
    serviceName: "server",
    clusterArn: "arn:cluster",
    status: "ACTIVE",
    desiredCount: 1,
    taskDefinition: `td-of-${id}`,
    deployments: [{ id, status: "PRIMARY", taskDefinition: `td-of-${id}`, desiredCount: 1 }],
    deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    ...more,
  };
}

/** As much of a task as the scheduler looks at. */
function task(more: Partial<RunningTask>): RunningTask {
  return { arn: "arn:task/1", status: "RUNNING", healthy: true, deploymentId: "one", ...more } as RunningTask;
}

const exited = {
  stopCode: "EssentialContainerExited",
  stoppedReason: "Essential container in task exited",
} as const;
const replaced = { stopCode: "ServiceSchedulerInitiated", stoppedReason: "Scaling activity" } as const;

describe("RunningService", () => {
  it("starts no task while 0/100 leaves no room, not even next to one that is about to end", () => {
    const configuration = { minimumHealthyPercent: 0, maximumPercent: 100 };
    const service = new RunningService(record("two", { deploymentConfiguration: configuration }));
    const old = task({ status: "STOPPING", cause: replaced, healthy: false });
    const waiting = task({ status: "PROVISIONING", healthy: false, deploymentId: "two" });
    expect(service.next([old, waiting], 0)).toMatchObject({ start: [], stop: [] });
    expect(service.next([waiting], 0).start).toEqual([waiting]);
  });

  it("spares no healthy task before its successor is healthy", () => {
    const service = new RunningService(record("two"));
    const old = task({ superseded: replaced });
    const fresh = { status: "RUNNING", deploymentId: "two" } as const;
    expect(service.next([old, task({ ...fresh, healthy: false })], 0).stop).toEqual([]);
    expect(service.rolloutState("two")).toBe("IN_PROGRESS");
    expect(service.next([old, task(fresh)], 0).stop).toEqual([old]);
    expect(service.next([task(fresh)], 0).stop).toEqual([]);
    expect(service.rolloutState("two")).toBe("COMPLETED");
  });

  it("waits longer after each failure, and forgets them with a new deployment", () => {
    const service = new RunningService(record("one", { deploymentConfiguration: {} }));
    const broken = task({ status: "STOPPING", healthy: false, cause: exited, cameUp: false });
    for (let failure = 0; failure < 4; failure++) service.taskEnding(broken, 0);
    expect(service.next([], 3_999).replace).toBe(false);
    expect(service.next([], 4_000).replace).toBe(true);
    expect(service.events[0]?.message).toContain("4 failed in a row; the next one starts in 4 s");
    service.update(record("two"));
    expect([service.failures, service.next([], 0).replace]).toEqual([0, true]);
  });

  it("replaces a task at once that came up and then died", () => {
    const service = new RunningService(record("one"));
    service.taskEnding(task({ status: "STOPPING", cause: exited, cameUp: true }), 0);
    expect(service.next([], 0).replace).toBe(true);
  });

  it("goes back to the last good task definition after three failures, once", () => {
    const service = new RunningService(record("one"));
    service.next([task({})], 0);
    service.update(record("two"));
    const broken = task({
      status: "STOPPING",
      healthy: false,
      cause: exited,
      cameUp: false,
      deploymentId: "two",
    });
    for (let failure = 0; failure < 3; failure++) service.taskEnding(broken, 0);
    expect(service.rolloutState("two")).toBe("FAILED");
    expect(service.next([], 60_000)).toMatchObject({ replace: false, rollBackTo: "td-of-one" });
    expect(service.next([], 60_000).rollBackTo).toBeUndefined();
  });

  it("does not count a task that its user has ended", () => {
    const service = new RunningService(record("one"));
    const cause = { stopCode: "UserInitiated", stoppedReason: "enough" } as const;
    service.taskEnding(task({ cause, cameUp: false }), 0);
    expect(service.failures).toBe(0);
  });
});
