import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DbwardError } from "@dbward-aws/core";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { acceptFindings } from "../accept-finding.ts";

const require = createRequire(import.meta.url);

/** Packages under `functions/`, each bundled ahead into its own `dist`. */
export type FunctionName = "apply-config" | "capture-tokens" | "check-tokens" | "poll-agents";

/** Runtime of every function: the version of Node.js that the bundles are made for and tested on. */
const FUNCTION_RUNTIME = lambda.Runtime.NODEJS_22_X;

/** What a bundle decides by itself; it runs on both architectures. */
type DecidedByBundle = "code" | "handler" | "runtime";

export interface BundledFunctionProps extends Omit<lambda.FunctionProps, DecidedByBundle | "architecture"> {
  readonly bundle: FunctionName;
  /** Processor of the function. @default lambda.Architecture.ARM_64 - a fifth cheaper than X86_64 */
  readonly architecture: lambda.Architecture | undefined;
}

/** A function of this workspace: its bundle on {@link FUNCTION_RUNTIME}. */
export class BundledFunction extends lambda.Function {
  /** @throws {@link FunctionBundleMissing} when the function has not been built */
  constructor(scope: Construct, id: string, { bundle, architecture, ...props }: BundledFunctionProps) {
    super(scope, id, {
      ...props,
      code: functionCode(bundle),
      // The export `handler` of the bundle's `index.mjs`.
      handler: "index.handler",
      runtime: FUNCTION_RUNTIME,
      architecture: architecture ?? lambda.Architecture.ARM_64,
    });
    acceptFindings(this, [
      {
        id: "AwsSolutions-L1",
        reason: "Node.js 22 is supported, and it is the version that the bundle was tested on.",
      },
    ]);
  }
}

/**
 * The bundle of a function as a plain asset: nothing is bundled, and nothing of the function is imported, at
 * synth.
 */
function functionCode(name: FunctionName): lambda.Code {
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
