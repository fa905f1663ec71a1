import { OWNED, type ResultStorage, resultStorageLines, STORAGE_HEADER } from "./owned-texts.ts";
import { type LineScan, scanServerConfig } from "./scan-server-config.ts";

/** A server.toml as the server gets it. */
export interface RenderedServerConfig {
  readonly text: string;
  /** For each line of `text`, the line (from 1) of the user's text that it is, or `undefined` for one that the deployment adds. */
  readonly origins: readonly (number | undefined)[];
  /** Lines of the user's text (from 1) that the deployment leaves out because it sets these keys itself, with the key. */
  readonly replaced: readonly { readonly line: number; readonly key: string; readonly text: string }[];
}

/**
 * The user's server.toml as the server is to read it: `state_dir` on the file system, the stage's result storage under
 * `[result_storage]`, whose other keys stay, the role of the metrics token, and JSON log lines unless the file says otherwise. Everything
 * else stays as it was written. A text from SSM becomes the same in its container, by the awk program that `serverCommand` runs.
 *
 * Works on lines and takes any text; what comes of one in which `auth`, `logging` or `result_storage` are not written as tables is
 * not valid TOML, so check the result.
 */
export function renderServerConfig(toml: string, storage: ResultStorage): RenderedServerConfig {
  const { lines, has } = scanServerConfig(toml);
  const out: { text: string; origin?: number }[] = [];
  const add = (...texts: readonly string[]) => out.push(...texts.map((text) => ({ text })));
  const owned = resultStorageLines(storage);

  if (!has.stateDirectory) add(...OWNED.stateDirectory);
  lines.forEach(({ text, kind }, index) => {
    if (kind !== "replaced") out.push({ text, origin: index + 1 });
    if (kind === "storage-table") add(...owned);
    if (kind === "logging-table" && !has.logFormat) add(...OWNED.logFormat);
  });
  if (!has.loggingTable) add("", "[logging]", ...OWNED.logFormat);
  if (!has.metricsRole) add("", ...OWNED.metricsRole);
  if (!has.storageTable) add("", STORAGE_HEADER, ...owned);

  return {
    text: out.map(({ text }) => `${text}\n`).join(""),
    origins: out.map(({ origin }) => origin),
    replaced: lines.flatMap(replacedKey),
  };
}

function replacedKey({ text, kind, key }: LineScan, index: number) {
  return kind === "replaced" && key !== undefined ? [{ line: index + 1, key, text }] : [];
}
