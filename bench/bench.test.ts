import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { type Result, toMarkdown } from "./lib/figure.ts";

const run = promisify(execFile);
const BENCH = fileURLToPath(new URL(".", import.meta.url));

/** As `pnpm bench` starts it. */
function bench(...args: string[]) {
  const tsx = ["--import", "tsx", "--conditions=@dbward-aws/source", "--no-warnings"];
  return run(process.execPath, [...tsx, "main.ts", ...args], { cwd: BENCH });
}

describe("a benchmark at its smallest size", () => {
  it.for([
    ["capture", "whole capture, agent waits 1 s"],
    ["session", "round trip in an open session"],
    ["tunnel", "round trip"],
    ["functions", "poll-agents: load / empty handler"],
    ["poller", "10,000 agents: poll / GET and JSON.parse of the same answer"],
    ["load", "polls that found the server / all"],
    ["scaling", "steady load: changes of direction"],
    ["synth", "stage / four empty stacks"],
  ])("%s finds its figures", { timeout: 300_000 }, async ([name, expected]) => {
    const { stdout } = await bench(name!, "--quick", "--json");
    const result = JSON.parse(stdout) as Result;
    const names = result.figures.map((figure) => figure.name);
    expect(names).toContain(expected);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, value } of result.figures) expect(value, name).toBeGreaterThanOrEqual(0);
    expect(toMarkdown([result])).not.toMatch(/NaN|undefined/);
  });

  it("rejects an unknown name", async () => {
    await expect(bench("capturing")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /no benchmark capturing.*: capture, session, tunnel, functions, poller, load, scaling, synth/,
      ),
    });
  });
});
