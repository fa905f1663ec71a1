import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import { ProgressView } from "./progress-view.ts";

it("prints plain lines where there is no terminal", () => {
  const output = new PassThrough();
  const view = new ProgressView(output);
  view.show({ kind: "started", step: "Build the workspace" });
  view.show({ kind: "noted", step: "Build the workspace", text: "half" });
  view.show({ kind: "done", step: "Build the workspace", milliseconds: 1_234, text: "cached" });
  view.show({ kind: "started", step: "Deploy" });
  view.show({ kind: "failed", step: "Deploy", milliseconds: 80, text: "no" });
  view.close();
  expect(stripVTControlCharacters(String(output.read())).split("\n")).toEqual([
    "· Build the workspace …",
    "✓ Build the workspace  1.2 s  cached",
    "· Deploy …",
    "✗ Deploy  80 ms",
    "",
  ]);
});
