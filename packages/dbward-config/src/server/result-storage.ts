import { parseUrl } from "../net/urls.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { optional, table } from "../schema/table.ts";
import { boolean, text, u64 } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";
import { directory } from "./directory.ts";

/** `[result_storage]`. */
export const resultStorage = table(
  {
    backend: text,
    root_dir: optional(directory),
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

/** Both halves of the credentials, and the variables that are used instead. */
const CREDENTIALS = [
  ["access_key_id", "AWS_ACCESS_KEY_ID"],
  ["secret_access_key", "AWS_SECRET_ACCESS_KEY"],
] as const;

function checkS3(storage: TableNode, path: Path, report: Report): void {
  if (storage.text("backend")?.value !== "s3") return;
  checkCredentials(storage, path, report);
  const endpoint = storage.text("endpoint");
  if (endpoint && !isEndpoint(endpoint.value)) {
    report.expect(
      endpoint,
      child(path, "endpoint"),
      "result-storage-endpoint",
      "the http:// or https:// URL of an S3 service, which dbward tests when it starts",
    );
  }
}

/** Without both halves, dbward uses the role of the task. */
function checkCredentials(storage: TableNode, path: Path, report: Report): void {
  const halves = CREDENTIALS.map(([field, variable]) => ({
    field,
    variable,
    node: storage.text(field),
    isThere: storage.text(field) !== undefined || report.variable(variable) !== undefined,
  }));
  const node = halves.find((half) => half.node)?.node;
  const missing = halves.find(({ isThere }) => !isThere);
  if (!node || !missing) return;
  const place = child(path, missing.field);
  report.add(
    node,
    place,
    "result-storage-credentials",
    `${report.render(place)} is missing while its other half is set, and the variable ${missing.variable} is not set either. Set both, or remove both to use the role of the task.`,
  );
}

/** Lower ports belong to other protocols. */
const LOWEST_HTTP_PORT = 80;

function isEndpoint(value: string): boolean {
  const url = parseUrl(value);
  if (url?.protocol !== "http:" && url?.protocol !== "https:") return false;
  return url.port === "" || Number(url.port) >= LOWEST_HTTP_PORT;
}
