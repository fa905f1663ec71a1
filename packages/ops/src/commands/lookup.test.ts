import { describe, expect, it } from "vitest";
import { describedNetwork, NETWORK } from "../test-support/network-answers.ts";
import { ops, withAws } from "../test-support/ops-run.ts";
import { ACCOUNT } from "../test-support/preflight-run.ts";

describe("ops lookup", () => {
  it("writes the facts of the stage's network, which preflight then compares with the account", async () => {
    await withAws({ ...ACCOUNT, ...describedNetwork() });
    expect(await ops("lookup", { network: NETWORK })).toMatchObject({
      code: 0,
      out: [
        'vpc-00000001: 10.1.0.0/16, egress "nat"',
        "subnet-00000001: eu-central-1a",
        "subnet-00000002: eu-central-1b",
        "Written to dbward.lookup.json from account 123456789012 in eu-central-1. Commit it.",
      ].join("\n"),
    });
    expect(await ops("preflight", { network: NETWORK })).toMatchObject({ code: 0 });
    await withAws({ ...ACCOUNT, ...describedNetwork({ cidr: "10.7.0.0/16" }) });
    expect((await ops("preflight", { network: NETWORK })).err).toMatch(
      /dbward\.lookup\.json has 10\.1\.0\.0\/16 for the blocks of vpc-00000001, but account 123456789012 in eu-central-1 has 10\.7/,
    );
  });

  it("writes nothing that the settings contradict", async () => {
    await withAws({ ...ACCOUNT, ...describedNetwork() });
    const { code, err } = await ops("lookup", { network: { ...NETWORK, cidr: "10.9.0.0/16" } });
    expect(code).toBe(1);
    expect(err).toMatch(
      /network\.cidr: is 10\.9\.0\.0\/16, and vpc-00000001 has 10\.1\.0\.0\/16 \(account 123456789012/,
    );
  });

  it("has nothing to do for a new network", async () => {
    await withAws(ACCOUNT);
    expect(await ops("lookup")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/nothing that has to be/),
    });
  });
});
