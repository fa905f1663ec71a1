import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AGENT, isAgent, readAgents } from "./agents.ts";
import { MAX_AMOUNT } from "./schema.ts";

const ROW = { id: "app", status: "healthy", last_poll_ago_secs: 0, in_flight: 1, max_concurrent: 4 };
const ODD_VALUES = [
  ...[undefined, null, "", "1", true, [], {}],
  ...[-0, -1, 0.5, MAX_AMOUNT, MAX_AMOUNT + 1, Number.NaN, Number.POSITIVE_INFINITY],
];
const field = fc.oneof(fc.string(), fc.double(), fc.jsonValue(), fc.constantFrom(...ODD_VALUES));

describe("isAgent", () => {
  it("accepts what the schema accepts, and nothing else", () => {
    const change = fc.dictionary(fc.constantFrom(...Object.keys(ROW), "uptime_secs"), field);
    const row = fc.oneof(
      change.map((fields) => ({ ...ROW, ...fields })),
      field,
    );
    fc.assert(
      fc.property(row, (row) => {
        expect(isAgent(row)).toBe(AGENT().safeParse(row).success);
      }),
      {
        examples: ODD_VALUES.flatMap((odd) =>
          Object.keys(ROW).map((name): [unknown] => [{ ...ROW, [name]: odd }]),
        ),
      },
    );
  });
});

describe("readAgents", () => {
  it("names the first row that is not an agent", () => {
    expect(() => readAgents({ agents: [ROW, { ...ROW, in_flight: -1 }, {}] })).toThrow(
      /^agents\[1\]\.in_flight must be a number from 0 to/,
    );
  });
});
