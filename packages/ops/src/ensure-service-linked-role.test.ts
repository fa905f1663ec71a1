import { createAwsClients } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import { ensureServiceLinkedRole } from "./ensure-service-linked-role.ts";
import { AwsFault } from "./test-support/aws-peer.ts";
import { withAws } from "./test-support/ops-run.ts";

const ROLE = {
  RoleName: "AWSServiceRoleForECS",
  RoleId: "AROA",
  Path: "/aws-service-role/ecs.amazonaws.com/",
  Arn: "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
  CreateDate: "2026-01-01T00:00:00Z",
};
const missing = () => {
  throw new AwsFault("NoSuchEntity", "The role with name AWSServiceRoleForECS cannot be found.");
};
const denied = () => {
  throw new AwsFault("AccessDenied", "User is not authorized");
};
const ensure = () => ensureServiceLinkedRole(createAwsClients("eu-central-1"), 0);

describe("the service-linked role of ECS", () => {
  it("is created in an account that never used ECS, and waited for", async () => {
    let looks = 0;
    const peer = await withAws({
      GetRole: () => (++looks < 3 ? missing() : { Role: ROLE }),
      CreateServiceLinkedRole: ({ AWSServiceName }) => {
        expect(AWSServiceName).toBe("ecs.amazonaws.com");
        return { Role: ROLE };
      },
    });
    expect(await ensure()).toMatch(/^Created the service-linked role of ECS/);
    expect(peer.calls).toEqual(["GetRole", "CreateServiceLinkedRole", "GetRole", "GetRole"]);
  });

  it("is left alone where it exists", async () => {
    const peer = await withAws({ GetRole: () => ({ Role: ROLE }) });
    expect(await ensure()).toBeUndefined();
    expect(peer.calls).toEqual(["GetRole"]);
  });

  it("exists all the same when only the creation can tell", async () => {
    await withAws({
      GetRole: denied,
      CreateServiceLinkedRole: () => {
        throw new AwsFault(
          "InvalidInput",
          "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.",
        );
      },
    });
    expect(await ensure()).toBeUndefined();
  });

  it("is asked for in words when the caller may not create it", async () => {
    await withAws({ GetRole: missing, CreateServiceLinkedRole: denied });
    expect(await ensure()).toContain(
      "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
    );
  });
});
