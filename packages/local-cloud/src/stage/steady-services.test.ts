import {
  CloudFormationClient,
  CreateStackCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackUpdateComplete,
} from "@aws-sdk/client-cloudformation";
import { DescribeServicesCommand } from "@aws-sdk/client-ecs";
import { stageNames } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import { findPython } from "@dbward-aws/local-account";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { FrontStage, until } from "../../../local-ecs/src/ecs-front/test-support/front-stage.ts";
import { steadyServices } from "./steady-services.ts";

const names = stageNames("steady");
const STACK = { StackName: names.stack("Server") };
const WAIT = { maxWaitTime: 30, minDelay: 0.1, maxDelay: 0.5 };

let stage: FrontStage;
let cloudFormation: CloudFormationClient;
beforeAll(async () => {
  if (!process.env.CI && !(await findPython()).source) return;
  stage = await FrontStage.start();
  cloudFormation = new CloudFormationClient(stage.clientConfig);
}, 120_000);
beforeEach(({ skip }) => skip(stage === undefined, "the emulator needs Python 3.10 or later, or uv"));
afterAll(async () => {
  await stage?.close();
});

/** A stack with one service, which runs a line of the shell and goes back when that fails. */
function template(script: string): string {
  return JSON.stringify({
    Resources: {
      Cluster: { Type: "AWS::ECS::Cluster", Properties: { ClusterName: names.cluster } },
      Definition: {
        Type: "AWS::ECS::TaskDefinition",
        Properties: {
          Family: "steady",
          ContainerDefinitions: [
            {
              Name: "main",
              Image: "none",
              Command: ["sh", "-c", script],
              HealthCheck: { Command: ["CMD", "test", "-f", "/tmp/ready"], Interval: 5, StartPeriod: 60 },
            },
          ],
        },
      },
      Service: {
        Type: "AWS::ECS::Service",
        Properties: {
          Cluster: { Ref: "Cluster" },
          ServiceName: "steady",
          TaskDefinition: { Ref: "Definition" },
          DesiredCount: 1,
          DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } },
        },
      },
    },
  });
}

function steady(milliseconds: number): Promise<string[]> {
  return steadyServices({ cloudFormation, ecs: stage.ecs }, "steady", Deadline.after(milliseconds));
}

it("waits for health, says why a service has none, and notices when ECS has gone back", async () => {
  const waits = "until test -f /tmp/go; do sleep 0.05; done; touch /tmp/ready; exec sleep 600";
  await cloudFormation.send(new CreateStackCommand({ ...STACK, TemplateBody: template(waits) }));
  await waitUntilStackCreateComplete({ client: cloudFormation, ...WAIT }, STACK);
  expect(await steady(500)).toEqual([
    expect.stringMatching(/^steady: \d of 1 running, and not all of them healthy$/),
  ]);

  const ready = template("touch /tmp/ready; exec sleep 600");
  await cloudFormation.send(new UpdateStackCommand({ ...STACK, TemplateBody: ready }));
  await waitUntilStackUpdateComplete({ client: cloudFormation, ...WAIT }, STACK);
  expect(await steady(60_000)).toEqual([]);

  await cloudFormation.send(new UpdateStackCommand({ ...STACK, TemplateBody: template("exit 3") }));
  await waitUntilStackUpdateComplete({ client: cloudFormation, ...WAIT }, STACK);
  const end = "; the last task stopped: .*exit code 3$";
  const failed = await steady(60_000);
  expect(failed).toEqual([expect.stringMatching(new RegExp(`^steady: its deployment failed.*${end}`))]);
  await until(async () => {
    const { services } = await stage.ecs.send(
      new DescribeServicesCommand({ cluster: names.cluster, services: ["steady"] }),
    );
    return services?.[0]?.taskDefinition?.endsWith("steady:2") || undefined;
  });
  const wentBack = await steady(60_000);
  expect(wentBack).toEqual([
    expect.stringMatching(new RegExp(`^steady: its deployment failed, and ECS went back to steady:2${end}`)),
  ]);
}, 120_000);
