import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";

const TOKEN = `dbw_${"0123456789abcdef".repeat(2)}`;

describe("createLogger", () => {
  it.each<[string, unknown]>([
    ["a quote right behind a secret", 'header was "Bearer abc"'],
    ["JSON inside of JSON", JSON.stringify({ body: JSON.stringify({ secretString: 'p"q' }) })],
    ["a field that is a secret by its name", { password: 'p"q, r', nested: [{ TokenValue: "p" }] }],
    ["a ring of causes", ring()],
    ["an object in itself", inItself()],
    ["big integers", { big: 2n ** 70n }],
    ["bytes", Buffer.from(TOKEN)],
    [
      "what throws when it is read",
      {
        toJSON: () => {
          throw new Error('p"q');
        },
      },
    ],
    ["a date", new Date(0)],
  ])("writes valid JSON without secrets for %s", (_what, field) => {
    const lines: string[] = [];
    createLogger((line) => lines.push(line)).warn("some.event", { field });
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: "warn", event: "some.event" });
    expect(lines[0]).not.toMatch(/abc|p\\*"q|0123456789abcdef|100,98,119/);
  });

  it("writes each event as one line of JSON, with the causes of errors and without secrets", () => {
    const lines: string[] = [];
    const logger = createLogger((line) => lines.push(line));
    logger.error("capture.failed", { error: new Error("outer", { cause: new Error(`inner ${TOKEN}`) }) });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toEqual({
      level: "error",
      event: "capture.failed",
      error: { name: "Error", message: "outer", cause: { name: "Error", message: "inner dbw_[redacted]" } },
    });
  });
});

function ring(): Error {
  const error = new Error("a");
  error.cause = error;
  return error;
}

function inItself(): object {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}
