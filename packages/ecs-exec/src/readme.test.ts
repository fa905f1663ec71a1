import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
// Inside the package, so that the example finds what it imports.
const folder = mkdtempSync(join(root, ".readme-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Declarations that the shorter examples use. */
const PRELUDE = `
import type { Writable } from "node:stream";
import type { Deadline } from "@dbward-aws/core";
import type { ContainerReference, EcsExec } from "@dbward-aws/ecs-exec";
import type { PortForwarder } from "@dbward-aws/ecs-exec/port";
declare const exec: EcsExec;
declare const container: ContainerReference;
declare const deadline: Deadline;
declare const archive: Writable;
declare const ports: PortForwarder;
`;

describe("the examples of README.md", () => {
  it("compile", () => {
    const examples = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n(.*?)```/gs)];
    expect(examples).toHaveLength(5);
    examples.forEach(([, code], index) => {
      const text = code!.includes("@dbward-aws/") ? code! : `${PRELUDE}${code}`;
      writeFileSync(join(folder, `example-${index}.ts`), text);
    });
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../tsconfig.json",
        compilerOptions: { noUnusedLocals: false },
        include: ["*.ts"],
      }),
    );
    const tsc = join(root, "node_modules", ".bin", "tsc");
    const { stdout, status } = spawnSync(tsc, ["-p", folder], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});

it("README.md names every error class", async () => {
  const exported = { ...(await import("./index.ts")), ...(await import("./port/index.ts")) };
  const errors = Object.entries(exported)
    .filter(([, value]) => typeof value === "function" && value.prototype instanceof Error)
    .map(([name]) => name);
  expect(errors.length).toBeGreaterThan(19);
  const readme = readFileSync(join(root, "README.md"), "utf8");
  expect(errors.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});
