import { expect, it } from "vitest";
import { isTokenCaptured } from "./captured-token.ts";

it.each([
  [undefined, false],
  ["", false],
  [" \n\t", false],
  ["dbw_0123456789abcdef0123456789abcdef", true],
  ["dbw_0123456789abcdef0123456789abcdef\n", true],
])("%j is captured: %s", (text, captured) => {
  expect(isTokenCaptured(text)).toBe(captured);
});
