import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DbwardError } from "@dbward-aws/core";
import * as lambda from "aws-cdk-lib/aws-lambda";

const require = createRequire(import.meta.url);

/** Packages under `functions/`, each bundled ahead into its own `dist`. */
export type FunctionName = "capture-tokens" | "poll-agents";

/** Handler of every bundle: the export `handler` of `index.mjs`. */
export const FUNCTION_HANDLER = "index.handler";

/**
 * The bundle of a function as a plain asset: nothing is bundled, and nothing of the function is imported, at
 * synth.
 *
 * @throws {@link FunctionBundleMissing} when the function has not been built
 */
export function functionCode(name: FunctionName): lambda.Code {
  const directory = join(dirname(require.resolve(`@dbward-aws/${name}/package.json`)), "dist");
  if (!existsSync(join(directory, "index.mjs"))) throw new FunctionBundleMissing(name, directory);
  return lambda.Code.fromAsset(directory);
}

/** A function's bundle is not there: the workspace was not built, or only in part. */
export class FunctionBundleMissing extends DbwardError {
  override readonly name = "FunctionBundleMissing";

  constructor(name: FunctionName, directory: string) {
    super("function-bundle-missing", `Function ${name} has no bundle at ${directory}.`, {
      hint: "Run `pnpm build` first.",
    });
  }
}
