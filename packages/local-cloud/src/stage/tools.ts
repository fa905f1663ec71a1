import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The tools among the checkout's dependencies; command line tools as a script to run with node. */
export interface WorkspaceTools {
  readonly sst: string;
  /** Template of the stack that `cdk bootstrap` makes. */
  readonly bootstrapTemplate: string;
  readonly turbo: string;
  /** Folder of the AWS SDK that SST's own functions need at run time and don't bundle. */
  readonly sstSdk: string;
}

/** @param root folder of the checkout, whose package.json names the tools */
export function workspaceTools(root: string): WorkspaceTools {
  const require = createRequire(join(root, "package.json"));
  const folder = (name: string) => dirname(realpathSync(require.resolve(`${name}/package.json`)));
  const sst = folder("sst");
  return {
    sst: join(sst, "cli", "sst.js"),
    bootstrapTemplate: join(folder("aws-cdk"), "lib", "api", "bootstrap", "bootstrap-template.yaml"),
    turbo: join(folder("turbo"), "bin", "turbo"),
    sstSdk: join(dirname(sst), "@aws-sdk"),
  };
}
