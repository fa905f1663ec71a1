import { createAwsClients } from "@dbward-aws/stage";
import { expect, it } from "vitest";
import { applyTerminationProtection } from "./termination-protection.ts";
import { AwsFault, type Input } from "./test-support/aws-peer.ts";
import { withAws } from "./test-support/ops-run.ts";

it.each([true, false])("gives each deployed stack the protection of the settings: %s", async (wanted) => {
  const stacks = new Map([
    ["prod-dbward-State", { status: "UPDATE_COMPLETE", isProtected: !wanted }],
    ["prod-dbward-Server", { status: "UPDATE_ROLLBACK_COMPLETE", isProtected: wanted }],
    ["prod-dbward-Agents", { status: "ROLLBACK_COMPLETE", isProtected: !wanted }],
  ]);
  const changes: unknown[] = [];
  await withAws({
    DescribeStacks: ({ StackName }: Input) => {
      const stack = stacks.get(String(StackName));
      if (!stack) throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
      const { status: StackStatus, isProtected: EnableTerminationProtection } = stack;
      const CreationTime = "2026-01-01T00:00:00Z";
      return { Stacks: [{ StackName, StackStatus, EnableTerminationProtection, CreationTime }] };
    },
    UpdateTerminationProtection: ({ StackName, EnableTerminationProtection }: Input) => {
      changes.push([StackName, EnableTerminationProtection]);
      return {};
    },
  });
  const settings = { stage: "prod", terminationProtection: wanted };
  const changed = await applyTerminationProtection(settings, createAwsClients("eu-central-1"));
  expect(changed).toEqual(["prod-dbward-State"]);
  expect(changes).toEqual([["prod-dbward-State", String(wanted)]]);
});
