import { describe, expect, it } from "vitest";
import { ecrHostProblem, ecrRepository } from "./ecr.ts";

describe("an address in ECR", () => {
  // Hosts as AWS documents them: Amazon ECR user guide, "Private registry" and "IPv6"; the suffixes of China and the European sovereign cloud.
  it.each([
    ["123456789012.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1"],
    ["123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"],
    ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"],
    ["123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"],
    ["123456789012.dkr-ecr.us-west-2.on.aws", "us-west-2"],
    ["123456789012.dkr-ecr-fips.us-west-2.on.aws", "us-west-2"],
    ["123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"],
    ["123456789012.dkr-ecr.eusc-de-east-1.on.amazonwebservices.eu", "eusc-de-east-1"],
  ])("%s has an account, a region and a name", (host, region) => {
    const address = `${host}/mirror/dbward-server`;
    expect(ecrRepository(address)).toEqual({ account: "123456789012", region, name: "mirror/dbward-server" });
    expect(ecrHostProblem(address)).toBeUndefined();
  });

  it.each([
    ["123456789012.dkr.ecr.cn-north-1.amazonaws.com/x", 'end in "amazonaws.com.cn"'],
    ["123456789012.dkr.ecr.eusc-de-east-1.amazonaws.com/x", 'end in "amazonaws.eu"'],
    ["123456789012.dkr.ecr.eu-central-1.amazonaws.com.example.org/x", 'end in "amazonaws.com"'],
    ["123456789012.dkr-ecr.eu-central-1.amazonaws.com/x", 'end in "on.aws"'],
  ])("%s has a host of another partition", (address, expected) => {
    expect(ecrHostProblem(address)).toContain(expected);
  });

  it("in a region that the table doesn't have is taken as it is", () => {
    expect(ecrHostProblem("123456789012.dkr.ecr.moon-dark-1.amazonaws.moon/x")).toBeUndefined();
  });

  it.each(["public.ecr.aws/x/y", "ghcr.io/dbward-dev/dbward-server", "dkr.ecr.eu-central-1.amazonaws.com/x"])(
    "is not %s",
    (address) => {
      expect(ecrRepository(address)).toBeUndefined();
      expect(ecrHostProblem(address)).toBeUndefined();
    },
  );
});
