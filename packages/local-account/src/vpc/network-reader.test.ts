import { DescribeSecurityGroupsCommand, type EC2Client } from "@aws-sdk/client-ec2";
import { expect, it } from "vitest";
import type { Network, Place } from "./network.ts";
import { NetworkReader } from "./network-reader.ts";

const FROM: Place = { securityGroups: ["sg-from"], subnets: [] };
const TO: Place = { securityGroups: ["sg-to"], subnets: [] };

/** An account with two groups, whose rules for port 3000 can be removed and restored. */
class Account {
  open = true;
  reads = 0;

  readonly ec2 = {
    send: async (command: unknown) => {
      if (!(command instanceof DescribeSecurityGroupsCommand)) return {};
      this.reads += 1;
      const rule = (GroupId: string) =>
        this.open
          ? [{ IpProtocol: "tcp", FromPort: 3000, ToPort: 3000, UserIdGroupPairs: [{ GroupId }] }]
          : [];
      const answer = {
        SecurityGroups: [
          { GroupId: "sg-from", IpPermissionsEgress: rule("sg-to") },
          { GroupId: "sg-to", IpPermissions: rule("sg-from") },
        ],
      };
      await new Promise((resolve) => setTimeout(resolve, 10));
      return answer;
    },
  } as unknown as Pick<EC2Client, "send">;
}

const judge = (network: Network) => network.closed(FROM, TO, 3000);

it("judges by the rules of the moment, though a read is under way or has just ended", async () => {
  const account = new Account();
  const reader = new NetworkReader(account.ec2, "eu-central-1");
  const before = reader.closed(judge);
  await new Promise((resolve) => setTimeout(resolve, 1));
  account.open = false;
  expect(await reader.closed(judge)).toContain("sg-from");
  expect(await before).toBeUndefined();
  account.open = true;
  expect(await reader.closed(judge)).toBeUndefined();
});

it("reads once for all who ask before the read begins", async () => {
  const account = new Account();
  const reader = new NetworkReader(account.ec2, "eu-central-1");
  await Promise.all(Array.from({ length: 50 }, () => reader.closed(judge)));
  expect(account.reads).toBe(1);
});

it("asks again after an account that didn't answer", async () => {
  const account = new Account();
  const failing = { send: async () => Promise.reject(new Error("no answer")) };
  let ec2: { send(command: never): Promise<unknown> } = failing;
  const reader = new NetworkReader(
    { send: (command: never) => ec2.send(command) } as unknown as Pick<EC2Client, "send">,
    "eu-central-1",
  );
  await expect(reader.closed(judge)).rejects.toThrow("no answer");
  ec2 = account.ec2 as never;
  expect(await reader.closed(judge)).toBeUndefined();
});
