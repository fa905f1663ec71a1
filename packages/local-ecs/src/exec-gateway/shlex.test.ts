import { describe, expect, it } from "vitest";
import { splitCommand, UnbalancedCommand } from "./shlex.ts";

describe("splitCommand", () => {
  it.each([
    ["cat /data/admin-token", ["cat", "/data/admin-token"]],
    ["  a\t b\n", ["a", "b"]],
    ["sh -c 'echo \"$HOME\"; ls | wc -l'", ["sh", "-c", 'echo "$HOME"; ls | wc -l']],
    ['say "a\\"b\\\\c\\nd"', ["say", 'a"b\\cnd']],
    ["a'b'\"c\"\\ d", ["abc d"]],
    ["'back\\slash'", ["back\\slash"]],
    ["echo a#b # the rest\nend", ["echo", "a#b", "end"]],
    ["echo '' \"\"", ["echo", "", ""]],
    ["", []],
    ["# nothing", []],
  ])("%j", (line, words) => {
    expect(splitCommand(line)).toEqual(words);
  });

  it.each(["sh -c 'oops", 'say "oops', "oops\\"])("refuses %j", (line) => {
    expect(() => splitCommand(line)).toThrow(UnbalancedCommand);
  });
});
