import { describe, expect, it } from "vitest";
import { redact } from "./redact.ts";

const TOKEN = `dbw_${"0123456789abcdef".repeat(2)}`;

describe("redact", () => {
  it.each([
    [`token ${TOKEN}.`, "token dbw_[redacted]."],
    ["Authorization: Bearer abc.def", "Authorization: [redacted]"],
    ["Authorization: Basic YWJjZGVm, next", "Authorization: [redacted], next"],
    ["with bearer abc.def", "with bearer [redacted]"],
    ["postgres://app:pa:ss@word@db:5432/app", "postgres://app:[redacted]@db:5432/app"],
    ["https://s3/x?X-Amz-Signature=abc&y=1", "https://s3/x?X-Amz-Signature=[redacted]&y=1"],
    ['{"tokenValue":"abc"}', '{"tokenValue":"[redacted]"}'],
    ['{"Password": "a b,c}\\"d", "x": 1}', '{"Password": "[redacted]", "x": 1}'],
    ['"{\\"tokenValue\\":\\"abc\\",\\"x\\":1}"', '"{\\"tokenValue\\":\\"[redacted]\\",\\"x\\":1}"'],
    ["password=hunter2 x", "password=[redacted] x"],
    ["password=hunter2@x and a@b", "password=[redacted] and a@b"],
    ["mysql://u:p/a@ss@h/x mail@host", "mysql://u:[redacted]@h/x mail@host"],
    ["https://user@host:443/a", "https://user@host:443/a"],
    ['{"password":"cut off', '{"password":"[redacted]'],
    [`dbw%5F${TOKEN.slice(4)}`, "dbw%5F[redacted]"],
    ["%64%62%77%5f%30%31", "%64%62%77%5f[redacted]"],
    [Buffer.from(TOKEN).toString("hex"), "[redacted]"],
    ["nothing to hide: https://host:443/path", "nothing to hide: https://host:443/path"],
  ])("%s", (text, expected) => {
    expect(redact(text)).toBe(expected);
  });
});

describe("redact of a token in base64", () => {
  it.each([0, 1, 2, 3, 4, 5])("hides it after %i other bytes", (before) => {
    const encoded = Buffer.from(`${"abcde".slice(0, before)}${TOKEN}`).toString("base64");
    const hidden = redact(encoded);
    expect(hidden).toMatch(/^[A-Za-z0-9+/]{0,7}\[redacted\]$/);
    expect(Buffer.from(hidden.slice(0, hidden.indexOf("[")), "base64").toString()).not.toContain("dbw");
  });
});

describe("redact of a megabyte", () => {
  const SIZE = 1 << 20;
  it.each<[string, string]>([
    ["backslashes", "\\"],
    ["quotes", '"'],
    ["escaped quotes", '\\"'],
    ["blanks", " "],
    ["line ends", "\r\n"],
    ["URLs without an end", "a://b:"],
    ["URLs with at signs", "a://b:@"],
    ["at signs", "@"],
    ["schemes", "a."],
    ["names of secrets", "password"],
    ["fields without an end", '"password":"'],
    ["escaped fields without an end", '\\"password\\":\\"'],
    ["fields without a value", '"password" '],
    ["headers", "authorization:\n"],
    ["bearers", "bearer "],
    ["tokens", "dbw_"],
    ["tokens in base64", "ZGJ3X"],
    ["signatures", "X-Amz-Signature="],
    ["percent signs", "%64"],
  ])("of %s ends", { timeout: 60_000 }, (_what, part) => {
    // Where a pattern tries again from every start, this takes hours.
    const nasty = part.repeat(SIZE / part.length);
    expect(redact(`${nasty} ${TOKEN}`)).not.toContain(TOKEN.slice(4));
  });
});
