import { expect, it } from "vitest";
import { consoleUrl } from "./console.ts";

it.each([
  ["eu-central-1", "aws", "https://eu-central-1.console.aws.amazon.com"],
  ["cn-north-1", "aws-cn", "https://cn-north-1.console.amazonaws.cn"],
  ["us-gov-west-1", "aws-us-gov", "https://us-gov-west-1.console.amazonaws-us-gov.com"],
  ["eusc-de-east-1", "aws-eusc", "https://eusc-de-east-1.console.amazonaws-eusc.eu"],
])("the console of %s in %s is at %s", (region, partition, url) => {
  expect(consoleUrl(region, partition)).toBe(url);
});
