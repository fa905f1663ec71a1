import { createAwsClients } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import { clearFailedStacks } from "./clear-failed-stacks.ts";
import { AwsFault, type Input } from "./test-support/aws-peer.ts";
import { withAws } from "./test-support/ops-run.ts";

/**
 * An account with these stacks; a deletion takes until it is asked about once, and ends as `deleted` says.
 *
 * @returns names of the stacks in the order of their deletion, growing
 */
async function account(stacks: Record<string, string>, deleted = "DELETE_COMPLETE") {
  const states = new Map(Object.entries(stacks));
  const order: unknown[] = [];
  await withAws({
    DescribeStacks: ({ StackName }: Input) => {
      const name = String(StackName);
      const status = states.get(name);
      if (status === undefined) throw new AwsFault("ValidationError", `Stack with id ${name} does not exist`);
      if (status === "DELETE_IN_PROGRESS") {
        if (deleted === "DELETE_COMPLETE") states.delete(name);
        else states.set(name, deleted);
      }
      return { Stacks: [{ StackName: name, StackStatus: status, CreationTime: "2026-01-01T00:00:00Z" }] };
    },
    DeleteStack: ({ StackName }: Input) => {
      order.push(StackName);
      states.set(String(StackName), "DELETE_IN_PROGRESS");
      return {};
    },
  });
  return order;
}

describe("clearFailedStacks", () => {
  it("deletes what failed at its first creation, and nothing else", async () => {
    const order = await account({
      "prod-dbward-State": "CREATE_COMPLETE",
      "prod-dbward-Server": "ROLLBACK_COMPLETE",
      "prod-dbward-Agents": "ROLLBACK_FAILED",
      "prod-dbward-Monitoring": "UPDATE_ROLLBACK_COMPLETE",
    });
    const names = ["prod-dbward-Agents", "prod-dbward-Server"];
    expect(await clearFailedStacks("prod", createAwsClients("eu-central-1"), 0)).toEqual(names);
    expect(order).toEqual(names);
  });

  it("takes off the protection that a stack had from its creation", async () => {
    const calls: unknown[] = [];
    let exists = true;
    await withAws({
      DescribeStacks: ({ StackName }: Input) => {
        if (StackName !== "prod-dbward-Server" || !exists)
          throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
        const CreationTime = "2026-01-01T00:00:00Z";
        const StackStatus = "ROLLBACK_COMPLETE";
        return { Stacks: [{ StackName, StackStatus, EnableTerminationProtection: true, CreationTime }] };
      },
      UpdateTerminationProtection: ({ EnableTerminationProtection }: Input) => {
        calls.push(EnableTerminationProtection);
        return {};
      },
      DeleteStack: () => {
        calls.push("delete");
        exists = false;
        return {};
      },
    });
    await clearFailedStacks("prod", createAwsClients("eu-central-1"), 0);
    expect(calls).toEqual(["false", "delete"]);
  });

  it("touches nothing in an account without the stage", async () => {
    const order = await account({});
    expect(await clearFailedStacks("prod", createAwsClients("eu-central-1"), 0)).toEqual([]);
    expect(order).toEqual([]);
  });

  it("says when a stack can't be deleted", async () => {
    await account({ "prod-dbward-Server": "ROLLBACK_COMPLETE" }, "DELETE_FAILED");
    await expect(clearFailedStacks("prod", createAwsClients("eu-central-1"), 0)).rejects.toThrow(
      /Deleting stack prod-dbward-Server.*DELETE_FAILED.*\[aws-call-failed\]/,
    );
  });
});
