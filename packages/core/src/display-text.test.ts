import { expect, it } from "vitest";
import { displayText } from "./display-text.ts";

it.each([
  ["a title", "\u001b]0;owned\u0007x", "\\x1b]0;owned\\x07x"],
  ["the clipboard", "\u001b]52;c;aGk=\u001b\\", "\\x1b]52;c;aGk=\\x1b\\"],
  ["an eight-bit sequence", "\u009b2Jx", "\\x9b2Jx"],
  ["a line written over", "harmless\rrm -rf", "harmless\\x0drm -rf"],
  ["the line's direction", "a\u202etxt.exe\u2066b", "a\\u202etxt.exe\\u2066b"],
  ["backspaces", "ok\b\bno", "ok\\x08\\x08no"],
])("escapes what would change %s", (_what, text, shown) => {
  expect(displayText(text)).toBe(shown);
});

it("keeps lines, tabs and letters of every script, and redacts secrets", () => {
  expect(displayText("é\t漢字 עברית\r\npassword=abc\n")).toBe("é\t漢字 עברית\npassword=[redacted]\n");
});
