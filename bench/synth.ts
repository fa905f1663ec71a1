import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { medianFigure, type Result, ratioFigure, type Size } from "./lib/figure.ts";
import { inRounds } from "./lib/statistics.ts";

const ROOT = join(import.meta.dirname, "..");
/** Git ignores it, and bundles in it find the CDK of the project. */
const SCRATCH = join(ROOT, "dist/bench");

/** How a CDK app in TypeScript is started. */
const FROM_SOURCES = ["--conditions=@dbward-aws/source", "--import", "tsx/esm"];
/** How `pnpm synth` starts its bundle. */
const FROM_BUNDLE = ["--no-opt"];

/** `pnpm synth --stage prod`, without the work of turbo, compared to an app of four empty stacks. */
export async function measureSynth(size: Size): Promise<Result> {
  const out = mkdtempSync(join(tmpdir(), "bench-synth-"));
  try {
    const bundle = (entry: string) => {
      const path = join(SCRATCH, `${basename(entry, ".ts")}.cjs`);
      execFileSync(process.execPath, ["bundle-app.mjs", entry, path], { cwd: ROOT, stdio: "inherit" });
      return path;
    };
    const [stage, empty] = [bundle("app.ts"), bundle("bench/lib/empty-app.ts")];
    const times = await inRounds(size === "quick" ? 1 : 11, {
      stage: () => milliseconds(...FROM_BUNDLE, stage, "--stage", "prod", "--out", join(out, "stage")),
      sources: () =>
        milliseconds(...FROM_SOURCES, "app.ts", "--stage", "prod", "--out", join(out, "sources")),
      empty: () => milliseconds(...FROM_SOURCES, "bench/lib/empty-app.ts", join(out, "empty")),
      bundledEmpty: () => milliseconds(...FROM_BUNDLE, empty, join(out, "bundled-empty")),
    });
    return {
      benchmark: "synth",
      figures: [
        medianFigure("synthesis of a stage", times.stage, "ms"),
        medianFigure("synthesis of a stage from its sources", times.sources, "ms"),
        medianFigure("synthesis of four empty stacks", times.empty, "ms"),
        medianFigure("synthesis of four empty stacks from a bundle", times.bundledEmpty, "ms"),
        ratioFigure("stage / four empty stacks", times.stage, times.empty, { atMost: 1.5 }),
        ratioFigure("stage / four empty stacks, both from their sources", times.sources, times.empty),
        ratioFigure("stage / four empty stacks, both from a bundle", times.stage, times.bundledEmpty),
      ],
      remarks: [],
    };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Time of an app in a process of its own. */
async function milliseconds(...args: readonly string[]): Promise<number> {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} failed: ${stderr}`);
  return performance.now() - start;
}
