import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { AGENT } from "@dbward-aws/contract";
import { STAND_IN_AGENT, STAND_IN_SERVER } from "@dbward-aws/dbward-stand-in";
import { CURL } from "../curl/index.ts";

/** One of dbward's programs, and what runs when a container calls it. */
export interface Program {
  readonly name: string;
  /** A program of this machine, or the stand-in, which behaves as far as a deployment can tell. */
  readonly kind: "binary" | "stand-in";
  /** Absolute path of the binary or of the stand-in's entry file. */
  readonly file: string;
}

/**
 * Writes a folder with `dbward-server` and `dbward-agent` for containers to find on their PATH: the binary that
 * `DBWARD_SERVER_BIN` or `DBWARD_AGENT_BIN` names, else one on the PATH, else the stand-in. Where the PATH has no
 * `curl`, which health checks and the capture call and dbward's images have, the folder gets one too.
 *
 * @param folder where to write them
 * @param standIn take the stand-ins whatever else there is
 */
export function installPrograms(folder: string, environment: NodeJS.ProcessEnv, standIn: boolean): Program[] {
  mkdirSync(folder, { recursive: true });
  if (!findBinary("curl", undefined, environment.PATH))
    writeFileSync(path.join(folder, "curl"), nodeScript("a small curl", CURL), { mode: 0o755 });
  return PROGRAMS.map(({ name, variable, entry }) => {
    const file = standIn ? undefined : findBinary(name, environment[variable], environment.PATH);
    const program: Program = file ? { name, kind: "binary", file } : { name, kind: "stand-in", file: entry };
    writeFileSync(path.join(folder, name), script(program), { mode: 0o755 });
    return program;
  });
}

/** Files in `/tmp` that a real agent has its places for built in. */
export function builtInPaths(programs: readonly Program[]): readonly string[] {
  const isReal = programs.some(({ name, kind }) => name === "dbward-agent" && kind === "binary");
  return isReal ? [AGENT.readyFile, AGENT.aliveFile] : [];
}

const require = createRequire(import.meta.url);

const PROGRAMS = [
  { name: "dbward-server", variable: "DBWARD_SERVER_BIN", entry: STAND_IN_SERVER },
  { name: "dbward-agent", variable: "DBWARD_AGENT_BIN", entry: STAND_IN_AGENT },
] as const;

function findBinary(name: string, named: string | undefined, searchPath = ""): string | undefined {
  if (named) return path.resolve(named);
  return searchPath
    .split(path.delimiter)
    .filter(Boolean)
    .map((folder) => path.resolve(folder, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function script({ name, kind, file }: Program): string {
  const comment = `${name}: ${kind}`;
  return kind === "binary" ? shellScript(comment, [file]) : nodeScript(comment, file);
}

function nodeScript(comment: string, file: string): string {
  return shellScript(comment, [process.execPath, ...nodeOptions(file), file]);
}

/** `exec`, so that signals reach the program itself. */
function shellScript(comment: string, words: readonly string[]): string {
  return `#!/bin/sh\n# ${comment}\nexec ${words.map(quote).join(" ")} "$@"\n`;
}

/** What Node needs to run the sources as they are; a build needs nothing. */
function nodeOptions(file: string): string[] {
  if (!file.endsWith(".ts")) return [];
  return ["--conditions=@dbward-aws/source", "--import", pathToFileURL(require.resolve("tsx")).href];
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
