import { OWNED, type ResultStorage, resultStorageLines, STORAGE_HEADER } from "./owned-texts.ts";
import { type LineScan, scanServerConfig } from "./scan-server-config.ts";

/** A server.toml in the form in which the server gets it. */
export interface RenderedServerConfig {
  readonly text: string;
  /** For each line of `text`, the line (from 1) of the user's text that it came from; `undefined` for a line that the deployment adds. */
  readonly origins: readonly (number | undefined)[];
  /** Lines of the user's text (from 1) that are left out because the deployment sets their keys itself. */
  readonly replaced: readonly { readonly line: number; readonly key: string; readonly text: string }[];
}

/**
 * Adds to the user's server.toml what the deployment sets: `state_dir` on the file system, the stage's result storage in
 * `[result_storage]`, whose other keys are kept, the role of the metrics token, and JSON log lines unless the text sets a format. Everything
 * else is kept. In a container, the awk program of `serverCommand` does the same with a text from SSM.
 *
 * Works on lines and accepts any text. If `auth`, `logging` or `result_storage` are not written as tables, the result is not valid
 * TOML, so check it.
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
