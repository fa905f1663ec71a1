import { expect, it } from "vitest";
import { metricLines, parseDashboardBody } from "./dashboard-body.ts";

const lines = (metrics: unknown[], properties: object = {}) => {
  const [widget] = parseDashboardBody(
    JSON.stringify({ widgets: [{ type: "metric", properties: { metrics, ...properties } }] }),
  );
  return metricLines(widget!);
};

it("reads a line with its options", () => {
  const options = { label: "CPU", color: "#123456", stat: "Maximum", period: 60, yAxis: "right" };
  expect(lines([["AWS/ECS", "CPUUtilization", "ClusterName", "c", options]])).toEqual([
    {
      label: "CPU",
      color: "#123456",
      axis: "right",
      namespace: "AWS/ECS",
      name: "CPUUtilization",
      dimensions: { ClusterName: "c" },
      statistic: "Maximum",
      period: 60,
    },
  ]);
});

it("reads the short forms of CloudWatch", () => {
  const [, second, third] = lines([
    ["AWS/ECS", "CPUUtilization", "ClusterName", "c", "ServiceName", "server"],
    [".", "MemoryUtilization", ".", ".", ".", "agent"],
    ["...", "other"],
  ]);
  expect(second).toMatchObject({
    namespace: "AWS/ECS",
    name: "MemoryUtilization",
    dimensions: { ClusterName: "c", ServiceName: "agent" },
  });
  expect(third).toMatchObject({
    name: "MemoryUtilization",
    dimensions: { ClusterName: "c", ServiceName: "other" },
  });
});

it("takes statistic and period of the widget where a line has none, and leaves out what is hidden or computed", () => {
  const found = lines(
    [["N", "a"], ["N", "b", { visible: false }], [{ expression: "m1 + m2", label: "sum" }]],
    { stat: "Sum", period: 900 },
  );
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ name: "a", statistic: "Sum", period: 900 });
});

it("refuses what is not a dashboard", () => {
  expect(() => parseDashboardBody('{"widgets":[{"type":"metric"}]}')).toThrow();
});
