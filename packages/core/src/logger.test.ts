import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";
import { redact } from "./redact.ts";

const TOKEN = `dbw_${"0123456789abcdef".repeat(2)}`;

describe("redact", () => {
  it.each([
    [`token ${TOKEN}.`, "token dbw_[redacted]."],
    ["Authorization: Bearer abc.def", "Authorization: [redacted] [redacted]"],
    ["postgres://app:pa:ss@word@db:5432/app", "postgres://app:[redacted]@db:5432/app"],
    ["https://s3/x?X-Amz-Signature=abc&y=1", "https://s3/x?X-Amz-Signature=[redacted]&y=1"],
    ['{"tokenValue":"abc"}', '{"tokenValue":"[redacted]"}'],
    ["nothing to hide: https://host:443/path", "nothing to hide: https://host:443/path"],
  ])("%s", (text, expected) => {
    expect(redact(text)).toBe(expected);
  });
});

describe("createLogger", () => {
  it("writes one JSON line an event, errors with their causes, without secrets", () => {
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
