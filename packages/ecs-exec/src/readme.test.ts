import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
// Inside the package, so that the example finds what it imports.
const folder = mkdtempSync(join(root, ".readme-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the shorter examples take for granted. */
const PRELUDE = `
import type { Writable } from "node:stream";
import type { Deadline } from "@dbward-aws/core";
import type { ContainerReference, EcsExec } from "@dbward-aws/ecs-exec";
declare const exec: EcsExec;
declare const container: ContainerReference;
declare const deadline: Deadline;
declare const archive: Writable;
`;

describe("the examples of README.md", () => {
  it("compile", () => {
    const examples = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n(.*?)```/gs)];
    expect(examples).toHaveLength(3);
    examples.forEach(([, code], index) => {
      const text = code!.includes("import ") ? code! : `${PRELUDE}${code}`;
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

  it("name pages of errors that exist", async () => {
    const errors = await import("./index.ts");
    const codes = Object.values(errors)
      .filter((value) => typeof value === "function" && value.prototype instanceof Error)
      .map((error) => new (error as unknown as new (...values: unknown[]) => { code: string })("x").code);
    expect(codes.length).toBeGreaterThan(15);
    for (const code of codes)
      expect(readFileSync(join(root, "..", "..", "docs", "errors", `${code}.md`), "utf8")).toContain(
        `# ${code}\n`,
      );
  });
});
