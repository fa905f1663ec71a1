import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { type InputTransformer, transformed } from "./test-support/input-transformer.ts";
import { monitoredStage } from "./test-support/monitored-stage.ts";

const transformers = Object.fromEntries(
  Object.entries(Template.fromStack(monitoredStage().stack).findResources("AWS::Events::Rule")).flatMap(
    ([id, { Properties }]) =>
      Properties.Targets.flatMap((target: { InputTransformer?: InputTransformer }) =>
        target.InputTransformer ? [[id.replace(/[A-F0-9]{8}$/, ""), target.InputTransformer]] : [],
      ),
  ),
) as Record<string, InputTransformer>;
const sent = (rule: RegExp, event: unknown) => {
  const [transformer] = Object.entries(transformers).flatMap(([id, each]) => (rule.test(id) ? [each] : []));
  return transformed(transformer!, event).split("\n");
};

/** The examples of Amazon ECS's own pages on its events, in what the texts use of them. */
const SERVICE = "arn:aws:ecs:us-west-2:111122223333:service/default/servicetest";
const TASK = "arn:aws:ecs:us-west-2:111122223333:task/FargateCluster/c13b4cb40f1f4fe4a2971f76ae5a47ad";
const DEPLOYMENT_FAILED = {
  "detail-type": "ECS Deployment State Change",
  resources: [SERVICE],
  detail: {
    eventName: "SERVICE_DEPLOYMENT_FAILED",
    updatedAt: "2020-05-23T11:11:11Z",
    reason: "ECS deployment circuit breaker: task failed to start.",
  },
};
const PLACEMENT_FAILED = {
  "detail-type": "ECS Service Action",
  resources: [SERVICE],
  detail: { eventType: "ERROR", eventName: "SERVICE_TASK_PLACEMENT_FAILURE", reason: "RESOURCE:FARGATE" },
};
const TASK_STOPPED = {
  "detail-type": "ECS Task State Change",
  detail: {
    group: "service:dbward-prod-server",
    stopCode: "TaskFailedToStart",
    stoppedAt: "2020-01-23T17:58:03.402Z",
    taskArn: TASK,
    containers: [{ name: "server" }],
    memory: "512",
    stoppedReason:
      'ResourceInitializationError: unable to pull secrets: "AccessDeniedException"\n\tstatus code: 400, request id: 1',
  },
};

describe("the texts that EventBridge sends", () => {
  it("notifications arrive as lines that are strings of their own, with no line end shown as \\n", () => {
    for (const [rule, event] of [
      [/DeploymentFailed/, DEPLOYMENT_FAILED],
      [/ServiceImpaired/, PLACEMENT_FAILED],
      [/OutOfMemory/, TASK_STOPPED],
    ] as const) {
      const lines = sent(rule, event);
      expect(lines.length).toBeGreaterThan(3);
      for (const line of lines) {
        expect(line).toMatch(/^".+"$/);
        // What the reader sees between the quotes is the text itself: nothing in it had to be escaped.
        expect(JSON.parse(line)).toBe(line.slice(1, -1));
      }
    }
  });

  it("say which copy of the file system failed, and why, in AWS Backup's own words", () => {
    // The example of https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html.
    const lines = sent(/BackupFailed/, {
      "detail-type": "Backup Job State Change",
      time: "2020-07-29T20:13:33Z",
      resources: [],
      detail: {
        backupJobId: "34176239-e96d-4e1f-9fad-529dbb3c3556",
        backupVaultName: "dbward-prod-9ab3c749",
        resourceArn: "arn:aws:elasticfilesystem:us-west-2:123456789012:file-system/fs-1",
        state: "FAILED",
        statusMessage: "Backup job failed because backup vault dbward-prod-9ab3c749 does not exist.",
      },
    });
    expect(lines).toEqual(
      expect.arrayContaining([
        `"A copy of the server's file system failed on dbward prod: the job is FAILED."`,
        '"Reason: Backup job failed because backup vault dbward-prod-9ab3c749 does not exist."',
        '"Vault: dbward-prod-9ab3c749"',
      ]),
    );
    for (const line of lines) expect(JSON.parse(line)).toBe(line.slice(1, -1));
  });

  it("say what happened, to which service, and why", () => {
    expect(sent(/DeploymentFailed/, DEPLOYMENT_FAILED)).toEqual(
      expect.arrayContaining([
        '"A deployment failed on dbward prod."',
        `"Service: ${SERVICE}"`,
        '"Reason: ECS deployment circuit breaker: task failed to start."',
        '"At: 2020-05-23T11:11:11Z"',
      ]),
    );
    expect(sent(/ServiceImpaired/, PLACEMENT_FAILED)[0]).toBe(
      `"ECS can't run a service of dbward prod as configured: SERVICE_TASK_PLACEMENT_FAILURE."`,
    );
  });

  it("stay whole where a container was never started, and where ECS's reason has quotes and line ends", () => {
    const lines = sent(/TaskStopped/, TASK_STOPPED);
    expect(lines).toContain('"Exit code of its first container (empty when it was not started): "');
    const reason = lines.find((line) => line.startsWith('"Reason: '));
    expect(JSON.parse(reason!)).toBe(`Reason: ${TASK_STOPPED.detail.stoppedReason} (TaskFailedToStart)`);
  });
});
