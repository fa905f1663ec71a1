import { join } from "node:path";
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ListExportsCommand,
  UpdateStackCommand,
} from "@aws-sdk/client-cloudformation";
import { Deadline } from "@dbward-aws/core";
import { exportsInUse } from "@dbward-aws/stage";
import { afterAll, beforeAll, expect, it } from "vitest";
import { clientConfig } from "../account/index.ts";
import { makeTemporaryDirectory } from "../test-support/temporary-directory.ts";
import { findPython } from "./index.ts";
import { startTestEmulator, type TestEmulator } from "./test-support/start-test-emulator.ts";

/** The build machine has Python; elsewhere its absence is not a fault of the code. */
const canRun = process.env.CI !== undefined || (await findPython()).source !== undefined;
const MINUTES = 60_000;

let emulator: TestEmulator;
let cloudFormation: CloudFormationClient;

beforeAll(async () => {
  if (!canRun) return;
  emulator = await startTestEmulator(join(makeTemporaryDirectory(), "exports"));
  cloudFormation = new CloudFormationClient(clientConfig(emulator));
}, 2 * MINUTES);
afterAll(async () => {
  cloudFormation?.destroy();
  await emulator?.close();
}, MINUTES);

/** A stack that exports these values. */
const exporting = (values: Record<string, string>) => ({
  Resources: { Name: { Type: "AWS::SSM::Parameter", Properties: { Type: "String", Value: "x" } } },
  Outputs: Object.fromEntries(
    Object.entries(values).map(([key, Value]) => [key, { Value, Export: { Name: `maker:${key}` } }]),
  ),
});
/** A stack that imports these exports. */
const importing = (...keys: string[]) => ({
  Resources: Object.fromEntries(
    ["own", ...keys].map((key) => [
      `Name${key}`,
      {
        Type: "AWS::SSM::Parameter",
        Properties: {
          Type: "String",
          Value: key === "own" ? "x" : { "Fn::ImportValue": `maker:${key}` },
        },
      },
    ]),
  ),
});

/** Deploys a template. @returns the stack's state */
async function deploy(StackName: string, template: object, isNew = false): Promise<string | undefined> {
  const TemplateBody = JSON.stringify(template);
  if (isNew) await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody }));
  else await cloudFormation.send(new UpdateStackCommand({ StackName, TemplateBody }));
  return Deadline.after(MINUTES).until(async () => {
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    const state = Stacks[0]?.StackStatus;
    return state?.endsWith("_IN_PROGRESS") ? undefined : state;
  }, 50);
}

async function exported(): Promise<(string | undefined)[]> {
  const { Exports = [] } = await cloudFormation.send(new ListExportsCommand({}));
  return Exports.map(({ Name }) => Name).sort();
}

async function reasons(): Promise<string> {
  const events = await cloudFormation.send(new DescribeStackEventsCommand({ StackName: "maker" }));
  return (events.StackEvents ?? []).map(({ ResourceStatusReason = "" }) => ResourceStatusReason).join("\n");
}

it.skipIf(!canRun)(
  "an export that another stack imports can be neither removed nor changed, as long as it is imported",
  { timeout: 2 * MINUTES },
  async () => {
    expect(await deploy("maker", exporting({ A: "1", B: "1" }), true)).toBe("CREATE_COMPLETE");
    expect(await deploy("user", importing("A"), true)).toBe("CREATE_COMPLETE");
    expect(await exportsInUse(["maker", "none"], { cloudFormation })).toEqual([
      { stack: "maker", outputKey: "A", exportName: "maker:A", value: "1", importedBy: ["user"] },
    ]);

    expect(await deploy("maker", exporting({ B: "1" }))).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(await reasons()).toContain("Export maker:A cannot be deleted as it is in use by user");
    expect(await deploy("maker", exporting({ A: "2", B: "1" }))).toBe("UPDATE_ROLLBACK_COMPLETE");
    expect(await reasons()).toContain("Export maker:A cannot be updated as it is in use by user");

    expect(await deploy("maker", exporting({ A: "1", B: "2", C: "1" }))).toBe("UPDATE_COMPLETE");
    expect(await deploy("user", importing())).toBe("UPDATE_COMPLETE");
    expect(await exportsInUse(["maker"], { cloudFormation })).toEqual([]);
    expect(await deploy("maker", exporting({ C: "1" }))).toBe("UPDATE_COMPLETE");
    expect(await exported()).toEqual(["maker:C"]);
  },
);
