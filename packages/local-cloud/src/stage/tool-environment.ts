import { join } from "node:path";
import { type AccountAccess, localEnvironment } from "@dbward-aws/local-account";

/**
 * The environment of the tools that a stage runs. They keep caches and settings in the home folder: here they
 * have one of their own.
 *
 * @param directory of the stage
 * @param cacheDirectory where Node 22 and later keep what they compiled, from one start to the next
 */
export function toolEnvironment(
  directory: string,
  cacheDirectory: string,
  access: AccountAccess,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const home = join(directory, "home");
  return localEnvironment(access, {
    HOME: home,
    NODE_COMPILE_CACHE: join(cacheDirectory, "node"),
    XDG_CONFIG_HOME: join(home, ".config"),
    CDK_HOME: join(home, ".cdk"),
    npm_config_cache: join(home, ".npm"),
    SST_TELEMETRY_DISABLED: "1",
    ...more,
  });
}
