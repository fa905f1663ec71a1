import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import * as ecs from "aws-cdk-lib/aws-ecs";
import { describe, expect, it } from "vitest";
import { only, statements } from "../test-support/synth.ts";
import { namedSecrets } from "./named-secret.ts";

/** The template of a task whose container has one secret. */
function taskWith(secret: string): Template {
  const stack = new Stack(new App(), "Stack", { env: { region: "eu-central-1" } });
  const task = new ecs.FargateTaskDefinition(stack, "Task");
  task.addContainer("main", {
    image: ecs.ContainerImage.fromRegistry("any"),
    secrets: namedSecrets(stack, "Secret", { PASSWORD: secret }, () => undefined),
  });
  return Template.fromStack(stack);
}

/** `valueFrom` of the container's secret, with the account's own values by name. */
function valueFrom(template: Template): string {
  const [{ ValueFrom }] = only(template, "AWS::ECS::TaskDefinition").ContainerDefinitions[0].Secrets;
  const parts: unknown[] = ValueFrom["Fn::Join"]?.[1] ?? [ValueFrom];
  return parts.map((part) => (typeof part === "string" ? part : (part as { Ref: string }).Ref)).join("");
}

const OWN = "arn:AWS::Partition:secretsmanager:eu-central-1:AWS::AccountId:secret:app/db";
const ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app/db-AbCdEf";

describe("a secret of the user's", () => {
  // The forms of "Pass Secrets Manager secrets through Amazon ECS environment variables".
  it.each([
    ["app/db", OWN],
    ["app/db:password::", `${OWN}:password::`],
    ["app/db::AWSPREVIOUS:", `${OWN}::AWSPREVIOUS:`],
    [ARN, ARN],
    [`${ARN}:password::`, `${ARN}:password::`],
    [`${ARN}::AWSPREVIOUS:`, `${ARN}::AWSPREVIOUS:`],
    [
      `${ARN}:password::9d4cb84b-ad69-40c0-a0ab-cead36b967e8`,
      `${ARN}:password::9d4cb84b-ad69-40c0-a0ab-cead36b967e8`,
    ],
  ])("%s is rendered as ECS takes it", (text, expected) => {
    expect(valueFrom(taskWith(text))).toBe(expected);
  });

  it.each(["app/db:password::", `${ARN}:password::`, `${ARN}::AWSPREVIOUS:`])(
    "%s gives the right to read the secret, whose ARN has neither key nor version",
    (text) => {
      const [{ Resource }] = statements(taskWith(text), /ExecutionRole/).filter(({ Action }) =>
        Action.includes("secretsmanager:GetSecretValue"),
      );
      expect(JSON.stringify(Resource)).toMatch(/secret:app\/db-(\?{6}|AbCdEf)"/);
    },
  );

  it("is refused in another form", () => {
    expect(() => taskWith("app/db:password")).toThrow("Secret-PASSWORD must be named by name or ARN");
  });
});
