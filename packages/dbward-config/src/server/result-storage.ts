import { parseUrl } from "../net/urls.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { optional, table } from "../schema/table.ts";
import { boolean, text, u64 } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";

/** `[result_storage]`. */
export const resultStorage = table(
  {
    backend: text,
    root_dir: optional(text),
    bucket: optional(text),
    region: optional(text),
    endpoint: optional(text),
    access_key_id: optional(text.secret),
    secret_access_key: optional(text.secret),
    path_style: boolean,
    prefix: text,
    max_persist_bytes: u64,
  },
  { rules: [checkS3] },
);

/** Ports below are those of other protocols, so that the probe with which dbward begins must fail. */
const LOWEST_HTTP_PORT = 80;

function checkS3(storage: TableNode, path: Path, report: Report): void {
  if (storage.text("backend")?.value !== "s3") return;
  const keyId = storage.text("access_key_id");
  if (keyId && !storage.text("secret_access_key")) {
    const place = child(path, "secret_access_key");
    report.add(
      keyId,
      place,
      "result-storage-credentials",
      `${report.render(place)} is missing beside access_key_id. Set both, or neither, so that the role of the task is used.`,
    );
  }
  const endpoint = storage.text("endpoint");
  const url = endpoint && parseUrl(endpoint.value);
  if (endpoint && url?.port && Number(url.port) < LOWEST_HTTP_PORT) {
    const place = child(path, "endpoint");
    report.add(
      endpoint,
      place,
      "result-storage-endpoint",
      `${report.render(place)} must lead to an S3 service, which dbward tries at its start; port ${url.port} belongs to another protocol.`,
    );
  }
}
