import { Fatal } from "../fatal.ts";
import type { S3Settings } from "./config/server-config.ts";

/**
 * What dbward's S3 client refuses before it sends anything. The stand-in keeps results in files and reaches
 * no bucket.
 *
 * @throws {Fatal} for plain HTTP without permission
 */
export function checkS3({ endpoint }: S3Settings, environment: NodeJS.ProcessEnv): void {
  // An endpoint of the file may be reached over plain HTTP; AWS_ENDPOINT_URL_S3 is passed over.
  if (endpoint !== undefined) return;
  const url = environment.AWS_ENDPOINT_URL || environment.AWS_ENDPOINT;
  const allowed = /^(?:true|1)$/.test(environment.AWS_ALLOW_HTTP ?? "");
  if (url?.startsWith("http://") && !allowed)
    throw new Fatal(
      "Error: internal: S3 health check failed: the URL scheme is not allowed. Set AWS_ALLOW_HTTP=true for plain HTTP.",
    );
}
