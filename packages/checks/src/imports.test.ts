import { describe, expect, it } from "vitest";
import { crossings, importsOf } from "./imports.ts";
import { files, text } from "./repository.ts";

describe("who may import whom", () => {
  it("holds for every source file", () => {
    // This package holds the forbidden lines as examples.
    const sources = files(/^(?!packages\/checks\/).*\.(ts|mts|mjs)$/);
    expect(sources.length).toBeGreaterThan(20);
    expect(sources.flatMap((path) => crossings(path, text(path)))).toEqual([]);
  });

  it.each([
    ["infra/server/x.ts", 'import { App } from "sst/constructs";'],
    ["packages/ops/src/x.ts", 'export * from "@dbward-aws/infra";'],
    ["infra/x.ts", 'const f = await import("@dbward-aws/capture-tokens");'],
    ["functions/poll-agents/src/x.ts", 'import type { X } from "@dbward-aws/local-cloud";'],
    ["packages/ops/src/x.ts", 'import { STAND_IN_SERVER } from "@dbward-aws/dbward-stand-in";'],
    ["packages/core/src/x.ts", 'import { X } from "@dbward-aws/settings";'],
  ])("finds a crossing in %s", (path, source) => {
    expect(crossings(path, source)).toHaveLength(1);
  });

  it("reads no import out of a comment", () => {
    expect(importsOf('/** import { x } from "sst"; */\n// from "sst"\nimport { y } from "./y.ts";')).toEqual([
      "./y.ts",
    ]);
  });
});
