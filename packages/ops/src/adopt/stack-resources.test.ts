import { createAwsClients, findStack } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import type { Answers } from "../test-support/aws-peer.ts";
import { withAws } from "../test-support/ops-run.ts";
import { retainInStack } from "./retain-in-stack.ts";
import { readResources, withRetained } from "./stack-resources.ts";

const YAML = `# The server
Parameters:
  Text:
    Type: String
Resources:
  Files:
    Type: AWS::EFS::FileSystem
    DeletionPolicy: Retain
    Properties:
      Encrypted: true
  Point:
    Type: AWS::EFS::AccessPoint
    Properties:
      FileSystemId: !Ref Files
      Names:
        - !Sub
          - "\${A}-\${AWS::Region}"
          - A: !GetAtt Files.Arn
`;

describe("withRetained", () => {
  it("adds the policies to a YAML template, and keeps its comments and its functions", () => {
    expect(withRetained(YAML, ["Point"])).toBe(
      `${YAML}    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Metadata:\n      RetainedFor: dbward-aws\n`,
    );
  });

  it("adds them to a JSON template, beside the metadata that it has", () => {
    const template = JSON.stringify({
      Resources: { Point: { Type: "AWS::EFS::AccessPoint", Metadata: { Owner: "ops" } } },
    });
    expect(JSON.parse(withRetained(template, ["Point"]))).toEqual({
      Resources: {
        Point: {
          Type: "AWS::EFS::AccessPoint",
          DeletionPolicy: "Retain",
          UpdateReplacePolicy: "Retain",
          Metadata: { Owner: "ops", RetainedFor: "dbward-aws" },
        },
      },
    });
  });
});

/** A stack with {@link YAML}, whose updates end in a state. */
function stackAnswers(status: string, takesTemplate = true) {
  let template = YAML;
  let state = "CREATE_COMPLETE";
  const answers: Answers = {
    DescribeStacks: () => ({
      Stacks: [
        {
          StackName: "acme",
          StackStatus: state,
          Parameters: [{ ParameterKey: "Text", ParameterValue: "a" }],
        },
      ],
    }),
    ListStackResources: () => ({
      StackResourceSummaries: [
        { LogicalResourceId: "Files", ResourceType: "AWS::EFS::FileSystem", PhysicalResourceId: "fs-1" },
        { LogicalResourceId: "Point", ResourceType: "AWS::EFS::AccessPoint", PhysicalResourceId: "fsap-1" },
      ],
    }),
    GetTemplate: () => ({ TemplateBody: template }),
    DescribeStackEvents: () => ({ StackEvents: [] }),
    UpdateStack: (input) => {
      expect(input["Parameters.member.1.UsePreviousValue"]).toBe("true");
      if (takesTemplate) template = String(input.TemplateBody);
      state = status;
      return {};
    },
  };
  return answers;
}

describe("retainInStack", () => {
  const signal = new AbortController().signal;
  const clients = () => createAwsClients("eu-central-1");

  it("updates the stack once, and says what is retained", async () => {
    const peer = await withAws(stackAnswers("UPDATE_COMPLETE"));
    const retain = () => retainInStack(clients(), "acme", () => true, signal);
    const wanted = [
      { logicalId: "Files", isRetained: true },
      { logicalId: "Point", isRetained: true },
    ];
    expect(await retain()).toMatchObject(wanted);
    expect(await retain()).toMatchObject(wanted);
    expect(peer.calls.filter((call) => call === "UpdateStack")).toHaveLength(1);
  });

  it("refuses to call retained what the stack would delete", async () => {
    await withAws(stackAnswers("UPDATE_COMPLETE", false));
    await expect(retainInStack(clients(), "acme", () => true, signal)).rejects.toThrow(
      "Stack acme would still delete resources that the stage uses: Point.",
    );
    await withAws(stackAnswers("UPDATE_ROLLBACK_COMPLETE"));
    await expect(retainInStack(clients(), "acme", () => true, signal)).rejects.toThrow(
      "after its update it is UPDATE_ROLLBACK_COMPLETE",
    );
  });

  it("reads what a YAML template retains", async () => {
    await withAws(stackAnswers("UPDATE_COMPLETE"));
    const stack = await findStack(clients(), "acme");
    expect((await readResources(clients(), stack!)).resources.map(({ isRetained }) => isRetained)).toEqual([
      true,
      false,
    ]);
  });
});
