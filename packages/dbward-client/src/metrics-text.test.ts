import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMetricsText, requestCounts, serverCounters } from "./metrics-text.ts";

// As recorded from a dbward-server 0.2.0.
const RECORDED = `# TYPE dbward_requests_current gauge
dbward_requests_current{status="pending"} 3
dbward_requests_current{status="approved"} 0
dbward_requests_current{status="dispatched"} 0
dbward_requests_current{status="running"} 0
# TYPE dbward_agents_active gauge
dbward_agents_active 2
`;

describe("parseMetricsText", () => {
  it("reads what the server sends", () => {
    const { samples, types } = parseMetricsText(RECORDED);
    expect(samples).toHaveLength(5);
    expect(samples[4]).toEqual({ name: "dbward_agents_active", labels: {}, value: 2 });
    expect(types.get("dbward_requests_current")).toBe("gauge");
  });

  it.each([
    ['a{x="1",y="two"} 3', { name: "a", labels: { x: "1", y: "two" }, value: 3 }],
    ['a{x="1",} 3 1700000000000', { name: "a", labels: { x: "1" }, value: 3 }],
    [
      'a{x="brace } quote \\" back \\\\ line \\n"} 1',
      { name: "a", labels: { x: 'brace } quote " back \\ line \n' }, value: 1 },
    ],
    ["a:b_total 1.5e3\r", { name: "a:b_total", labels: {}, value: 1500 }],
    ["a +Inf", { name: "a", labels: {}, value: Infinity }],
    ["a -Inf", { name: "a", labels: {}, value: -Infinity }],
    ["a NaN", { name: "a", labels: {}, value: NaN }],
    ["a{} 1", { name: "a", labels: {}, value: 1 }],
  ])("%j", (line, sample) => {
    expect(parseMetricsText(`# HELP a some help\n\n${line}\n`).samples).toEqual([sample]);
  });

  it.each([
    ["<html>", "line 2 of the metrics is not a sample"],
    ["a", "line 2 of the metrics is not a sample"],
    ["a b", "line 2 of the metrics has no number as its value"],
    ["a{x=1} 2", "line 2 of the metrics has labels that can't be read"],
  ])("%j: %s", (line, problem) => {
    expect(() => parseMetricsText(`ok 1\n${line}\n`)).toThrow(problem);
  });

  it("reads any labels that are escaped as the format requires", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]*$/), fc.string()), (labels) => {
        const written = Object.entries(labels).map(
          ([name, value]) =>
            `${name}="${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`,
        );
        const [sample] = parseMetricsText(`a{${written.join(",")}} 1`).samples;
        expect(sample?.labels).toEqual(labels);
      }),
    );
  });
});

describe("text that only looks like metrics", () => {
  // In quadratic time these would take minutes: the test would time out.
  it.each([
    ["a long word", `${"a".repeat(500_000)} b c d`],
    ["many braces", `a{${"}".repeat(500_000)} b c d`],
    ["a long label", `a{x="${"y".repeat(500_000)} b c d`],
    ["many blanks", `a${" ".repeat(500_000)}b c d`],
  ])("is refused without delay: %s", (_what, line) => {
    expect(() => parseMetricsText(line)).toThrow(/^line 1 of the metrics/);
  });
});

describe("requestCounts", () => {
  const counts = (body: string) => requestCounts(parseMetricsText(body));

  it("counts each known state, and all others together", () => {
    expect(
      counts(
        `${RECORDED}dbward_requests_current{status="parked"} 2\ndbward_requests_current{status="held"} 1`,
      ),
    ).toEqual({
      pending: 3,
      approved: 0,
      dispatched: 0,
      running: 0,
      other: 3,
    });
  });

  it("counts 0 in each state of a family without series", () => {
    expect(counts("# TYPE dbward_requests_current gauge")).toMatchObject({ pending: 0, running: 0 });
  });

  it("rejects a missing family", () => {
    expect(() => counts("dbward_agents_active 2")).toThrow("dbward_requests_current is missing");
  });

  it("rejects NaN", () => {
    expect(() => counts('dbward_requests_current{status="pending"} NaN')).toThrow("not a count");
  });
});

describe("serverCounters", () => {
  const counters = (body: string) => serverCounters(parseMetricsText(body));

  it("adds up what counts as a use of break-glass", () => {
    expect(
      counters(
        "dbward_break_glass_total 2\ndbward_break_glass_ddl_attempted_total 1\ndbward_background_panics_total 0",
      ),
    ).toEqual({ breakGlassUses: 3, backgroundPanics: 0 });
  });

  it("leaves out what the server does not count", () => {
    expect(counters(RECORDED)).toEqual({});
  });

  it("rejects a value that is not a count", () => {
    expect(() => counters("dbward_background_panics_total -1")).toThrow(
      "dbward_background_panics_total has a value that is not a count",
    );
  });
});
