import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkConfig, readConfig } from "./check-config.ts";

describe("checkConfig", () => {
  it("gives all mistakes at once, with their lines and paths", () => {
    const text = `
[[databases]]
name = "app"
environments = ["Production"]
[[workflows]]
operations = ["select"]
[[workflows.steps]]
mode = "some"
approvers = [{ user = "bob", min = 2 }]
`;
    expect(checkConfig("server", text, {}).map(({ line, rule, path }) => ({ line, rule, path }))).toEqual([
      { line: 1, rule: "required", path: "state_dir" },
      { line: 4, rule: "name", path: "databases[0].environments[0]" },
      { line: 6, rule: "workflow-operation", path: "workflows[0].operations[0]" },
      { line: 8, rule: "workflow-step-mode", path: "workflows[0].steps[0].mode" },
      { line: 9, rule: "workflow-min", path: "workflows[0].steps[0].approvers[0].min" },
    ]);
  });

  it("never throws", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        '"',
        "'",
        ".",
        ",",
        "${",
        "A",
        "state_dir",
        "__proto__",
        "1",
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom("server", "agent"),
        fc.array(piece, { maxLength: 40 }),
        (program, pieces) => {
          expect(Array.isArray(checkConfig(program, pieces.join(""), { A: "x" }))).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("readConfig", () => {
  it("gives what the text says after expansion", () => {
    const text = `state_dir = "/data"\n[retention]\nrequest_ttl_days = \${DAYS:-30}\n[__proto__]\nx = 9007199254740993\n`;
    const { problems, config } = readConfig("server", text, {});
    expect(problems).toEqual([]);
    expect(config?.retention).toEqual({ request_ttl_days: 30 });
    expect(Object.keys(config ?? {})).toEqual(["state_dir", "retention", "__proto__"]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});
