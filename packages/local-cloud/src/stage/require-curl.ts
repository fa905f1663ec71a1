import { findOnPath } from "@dbward-aws/local-ecs";
import { CurlMissing } from "./errors.ts";

/**
 * Checks that the PATH has curl, which health checks and the token capture run in dbward's containers. On
 * this machine containers are processes, and use the machine's own.
 *
 * @throws {@link CurlMissing}
 */
export function requireCurl(searchPath: string = process.env.PATH ?? ""): void {
  if (findOnPath("curl", searchPath) === undefined) throw new CurlMissing();
}
