import { METRICS_PERMISSION, METRICS_ROLE, SERVER } from "@dbward-aws/contract";

/** Where the server stores results. Bucket and region may be tokens of the CDK. */
export type ResultStorage =
  | { readonly backend: "s3"; readonly bucket: string; readonly region: string }
  | { readonly backend: "local" };

/** The lines that the deployment adds to a server.toml, in addition to {@link resultStorageLines}. */
export const OWNED = {
  stateDirectory: [`state_dir = "${SERVER.stateDirectory}"`],
  logFormat: ['format = "json"'],
  metricsRole: ["[[auth.roles]]", `name = "${METRICS_ROLE}"`, `permissions = ["${METRICS_PERMISSION}"]`],
} as const;

/** Header of the table with the keys of {@link resultStorageLines}. */
export const STORAGE_HEADER = "[result_storage]";

/** The lines of `[result_storage]`, without the header. */
export function resultStorageLines(storage: ResultStorage): string[] {
  const values =
    storage.backend === "s3"
      ? { backend: "s3", bucket: storage.bucket, region: storage.region }
      : { backend: "local", root_dir: `${SERVER.stateDirectory}/results` };
  return Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
}
