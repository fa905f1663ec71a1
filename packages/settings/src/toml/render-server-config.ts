import { isDeepStrictEqual } from "node:util";
import { METRICS_PERMISSION, METRICS_ROLE, SERVER } from "@dbward-aws/contract";
import { stringify, TomlError, type TomlTable } from "smol-toml";
import { parseToml } from "./parse-toml.ts";
import { readStatements, type Statement } from "./statements.ts";
import { asArray, asTable } from "./values.ts";

/** Where the server puts results. Bucket and region may be tokens of the CDK. */
export type ResultStorage =
  | { readonly backend: "s3"; readonly bucket: string; readonly region: string }
  | { readonly backend: "local" };

/** The table `[result_storage]` of server.toml. */
export function renderResultStorage(storage: ResultStorage): string {
  const lines = Object.entries(resultStorageTable(storage)).map(
    ([key, value]) => `${key} = ${JSON.stringify(value)}\n`,
  );
  return `[${RESULT_STORAGE}]\n${lines.join("")}`;
}

/**
 * The user's server.toml as the server is to read it: `state_dir` on the file system, `[result_storage]` of the
 * stage in place of whatever was there, the role of the metrics token, and JSON log lines unless the file says
 * otherwise. What else is in the file stays as it was written, comments included.
 *
 * @throws TomlError when `toml` is not valid TOML
 */
export function renderServerConfig(toml: string, storage: ResultStorage): string {
  const given = parseToml(toml);
  const wanted = complete(given, storage);
  const statements = readStatements(toml);
  const text = [
    "state_dir" in given ? "" : `state_dir = ${JSON.stringify(SERVER.stateDirectory)}\n`,
    withLineEnd(
      statements
        .filter(({ path }) => path[0] !== RESULT_STORAGE)
        .map(withLogFormat(given))
        .join(""),
    ),
    "logging" in given ? "" : `\n[logging]\n${LOG_FORMAT}`,
    hasMetricsRole(given)
      ? ""
      : `\n[[auth.roles]]\nname = "${METRICS_ROLE}"\npermissions = ["${METRICS_PERMISSION}"]\n`,
    `\n${renderResultStorage(storage)}`,
  ].join("");
  // Roles or logging can be written inline, where nothing can be added as text: then the comments are the price.
  return means(text, wanted) ? text : stringify(wanted);
}

const RESULT_STORAGE = "result_storage";
const LOG_FORMAT = 'format = "json"\n';

function resultStorageTable(storage: ResultStorage): TomlTable {
  return storage.backend === "s3"
    ? { backend: "s3", bucket: storage.bucket, region: storage.region }
    : { backend: "local", root_dir: `${SERVER.stateDirectory}/results` };
}

/** What the rendered document has to say. */
function complete(given: TomlTable, storage: ResultStorage): TomlTable {
  const auth = asTable(given.auth);
  const roles = asArray(auth.roles) as TomlTable[];
  const role = { name: METRICS_ROLE, permissions: [METRICS_PERMISSION] };
  return {
    state_dir: SERVER.stateDirectory,
    ...given,
    logging: { format: "json", ...asTable(given.logging) },
    auth: { ...auth, roles: hasMetricsRole(given) ? roles : [...roles, role] },
    [RESULT_STORAGE]: resultStorageTable(storage),
  };
}

function hasMetricsRole(given: TomlTable): boolean {
  return asArray(asTable(given.auth).roles).some((role) => asTable(role).name === METRICS_ROLE);
}

/** Puts the log format under the header `[logging]` when the table doesn't have one. */
function withLogFormat(given: TomlTable): (statement: Statement) => string {
  const missing = asTable(given.logging).format === undefined;
  return ({ kind, path, text }) =>
    missing && kind === "table" && path.length === 1 && path[0] === "logging"
      ? withLineEnd(text) + LOG_FORMAT
      : text;
}

function means(text: string, wanted: TomlTable): boolean {
  try {
    return isDeepStrictEqual(plain(parseToml(text)), plain(wanted));
  } catch (error) {
    if (error instanceof TomlError) return false;
    throw error;
  }
}

/** A copy without prototypes, which the parser's tables and ours don't share. */
function plain(table: TomlTable): unknown {
  return JSON.parse(
    JSON.stringify(table, (_key, value) => (typeof value === "bigint" ? `${value}n` : value)),
  );
}

function withLineEnd(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
