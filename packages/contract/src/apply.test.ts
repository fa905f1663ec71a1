import { describe, expect, it } from "vitest";
import { type ApplyState, formatApplyState, parseApplyState } from "./apply.ts";

const STATE: ApplyState = {
  server: {
    refused: { parameter: "/dbward/server", version: 7, mistakes: ["/dbward/server:3: no [toml]"] },
  },
  "agent-app": { applied: { changedAt: "2026-01-02T03:04:05.000Z", deployment: "ecs-svc/1", failed: true } },
  "agent-new": { applied: { changedAt: "2026-01-02T03:04:05.000Z" } },
};

describe("the state of the function apply-config", () => {
  it("is read as it was written", () => {
    expect(parseApplyState(formatApplyState(STATE))).toEqual(STATE);
  });

  it("fits into a parameter of the standard tier", () => {
    const mistakes = ["ä".repeat(300), "b".repeat(300)];
    const many = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [
        `agent-${index}`,
        { refused: { parameter: "/p", version: 1, mistakes } },
      ]),
    );
    const text = formatApplyState(many);
    expect(Buffer.byteLength(text)).toBeLessThan(4096);
    expect(Object.keys(parseApplyState(text))).toHaveLength(12);
  });

  it.each(["", "{", "[]", "null", '{"server":{}}', '{"server":{"refused":{"parameter":1}}}'])(
    "is empty when the parameter has %j",
    (text) => {
      expect(parseApplyState(text)).toEqual({});
    },
  );
});
