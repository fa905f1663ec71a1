import { describe, expect, it } from "vitest";
import { loadStage } from "../load-stage.ts";
import { mistakesOf } from "../test-support/mistakes.ts";
import { stageInput } from "../test-support/stage.ts";

const LISTENER = {
  arn: "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/platform/50dc6c495c0c9188/f2f7dc8efc522ab2",
  securityGroupId: "sg-0123456789abcdef0",
  url: "https://dbward.example.com/",
  priority: 100,
};
const load = (listener: object, server: object = {}, more: object = {}) =>
  loadStage(
    {
      stages: {
        prod: stageInput({
          ...more,
          server: { ...stageInput().server, ...server, listener: { ...LISTENER, ...listener } },
        }),
      },
    },
    "prod",
    { root: "." },
  );

describe("server.listener", () => {
  it("has a URL without a slash at its end", () => {
    expect(load({}).server.listener).toEqual({ ...LISTENER, url: "https://dbward.example.com" });
  });

  it.each([
    [
      "a load balancer's ARN",
      { arn: LISTENER.arn.replace(":listener", ":loadbalancer") },
      /^server\.listener\.arn: must be the ARN of a listener/,
    ],
    [
      "of a Network Load Balancer",
      { arn: LISTENER.arn.replace("/app/", "/net/") },
      /must be the ARN of a listener of an Application/,
    ],
    ["another partition's", { arn: LISTENER.arn.replace("aws", "aws-cn") }, /begin with "arn:aws:"/],
    [
      "a URL with a path",
      { url: "https://dbward.example.com/api" },
      /^server\.listener\.url: must be the URL by which people reach/,
    ],
    ["a host alone", { url: "dbward.example.com" }, /must be the URL by which/],
    ["of no priority", { priority: 0 }, /^server\.listener\.priority: must be 1 to 50000/],
    ["of too high a priority", { priority: 50_001 }, /must be 1 to 50000/],
  ])("can't be %s", (_title, listener, expected) => {
    expect(mistakesOf(() => load(listener))).toEqual([expect.stringMatching(expected)]);
  });

  it("can't be set together with a load balancer", () => {
    expect(mistakesOf(() => load({}, { loadBalancer: { scheme: "internal" } }))).toEqual([
      expect.stringMatching(/^server\.listener: can't be set together with server\.loadBalancer/),
    ]);
  });

  it("is in the region of the stage", () => {
    expect(mistakesOf(() => load({}, {}, { region: "us-east-1" }))).toEqual([
      expect.stringMatching(/^server\.listener\.arn: is in eu-central-1, and the stage is in us-east-1/),
    ]);
  });

  it("has the alarms of a load balancer", () => {
    const monitoring = { level: "full", thresholds: { "alb-5xx": 5 } };
    expect(load({}, {}, { monitoring }).monitoring.thresholds).toEqual({ "alb-5xx": 5 });
  });

  it("is warned of without HTTPS", () => {
    expect(load({ url: "http://dbward.example.com" }).warnings).toEqual([
      expect.stringMatching(/server\.listener\.url.* is not HTTPS: .* tokens .* in plain text/),
    ]);
  });
});
