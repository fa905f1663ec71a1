import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AGENT } from "@dbward-aws/contract";
import { nodeOptions, STAND_IN_AGENT, STAND_IN_SERVER } from "@dbward-aws/dbward-stand-in";

/** One of dbward's programs, and what runs when a container calls it. */
export interface Program {
  readonly name: string;
  /** A program of this machine, or the stand-in, which a deployment can't distinguish from it. */
  readonly kind: "binary" | "stand-in";
  /** Absolute path of the binary or of the stand-in's entry file. */
  readonly file: string;
  /**
   * Its `/tmp` is the folder of its task; the stand-in takes that by a variable, and a real server has
   * nothing there.
   */
  readonly ownTmp: boolean;
}

/**
 * Writes a folder with `dbward-server` and `dbward-agent` for containers to find on their PATH: the binary
 * that `DBWARD_SERVER_BIN` or `DBWARD_AGENT_BIN` names, else one on the PATH, else the stand-in.
 *
 * A real agent has the places of its status files built in, `/tmp/dbward-agent-*`. Where the system has mount
 * namespaces, each agent gets the folder of its task as `/tmp`; elsewhere all agents of the machine share
 * them.
 *
 * @param directory of the local stage; the programs go to `bin` below it
 * @param standIn take the stand-ins whatever else there is
 */
export function installPrograms(
  directory: string,
  environment: NodeJS.ProcessEnv,
  standIn: boolean,
): Program[] {
  const folder = programsFolder(directory);
  mkdirSync(folder, { recursive: true });
  return PROGRAMS.map(({ name, variable, entry }) => {
    const file = standIn ? undefined : findBinary(name, environment[variable], environment.PATH);
    const isRealAgent = name === "dbward-agent" && file !== undefined;
    const program: Program = {
      name,
      ...(file ? { kind: "binary", file } : { kind: "stand-in", file: entry }),
      ownTmp: !isRealAgent || canHaveOwnTmp(folder),
    };
    const text = isRealAgent && program.ownTmp ? ownTmpScript(program, directory) : script(program);
    writeFileSync(path.join(folder, name), text, { mode: 0o755 });
    return program;
  });
}

/** Folder of a local stage with the programs that its containers find on their PATH. */
export function programsFolder(directory: string): string {
  return path.join(directory, "bin");
}

/** Files of this machine's own `/tmp` that stand for those in every agent's. */
export function sharedPaths(programs: readonly Program[]): readonly string[] {
  return programs.every(({ ownTmp }) => ownTmp) ? [] : [AGENT.readyFile, AGENT.aliveFile];
}

const PROGRAMS = [
  { name: "dbward-server", variable: "DBWARD_SERVER_BIN", entry: STAND_IN_SERVER },
  { name: "dbward-agent", variable: "DBWARD_AGENT_BIN", entry: STAND_IN_AGENT },
] as const;

function findBinary(name: string, named: string | undefined, searchPath = ""): string | undefined {
  return named ? path.resolve(named) : findOnPath(name, searchPath);
}

/**
 * The first executable file of this name in the folders of a search path.
 *
 * @returns its absolute path; `undefined` when no folder has it
 */
export function findOnPath(name: string, searchPath: string): string | undefined {
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

/** A mount namespace in which this user may mount. */
const UNSHARE = ["unshare", "--map-root-user", "--mount"] as const;
const PROBE_MS = 5_000;

function canHaveOwnTmp(folder: string): boolean {
  const [command, ...options] = UNSHARE;
  const words = [...options, "sh", "-c", 'mount --bind "$0" /tmp', folder];
  return spawnSync(command, words, { stdio: "ignore", timeout: PROBE_MS }).status === 0;
}

/**
 * A script that mounts the folder of the task, its `TMPDIR`, over `/tmp`. What the program needs of this
 * machine's `/tmp`, such as a checkout there, stays in its place: a descriptor reaches it after it was
 * covered.
 */
function ownTmpScript({ name, kind, file }: Program, directory: string): string {
  const kept = [directory, path.dirname(file)].map((it) => realpathSync(it)).filter(isBelowTmp);
  const commands = [
    "set -e",
    ...kept.map((it, index) => `exec ${FIRST_FD + index}<${quote(it)}`),
    'mount --bind "$TMPDIR" /tmp',
    ...kept.flatMap((it, index) => [
      `mkdir -p ${quote(it)}`,
      `mount --no-canonicalize --bind /proc/self/fd/${FIRST_FD + index} ${quote(it)}`,
      `exec ${FIRST_FD + index}<&-`,
    ]),
    `exec ${quote(file)} "$@"`,
  ];
  return shellScript(`${name}: ${kind}, with a /tmp of its own`, [
    ...UNSHARE,
    "sh",
    "-c",
    commands.join("\n"),
    name,
  ]);
}

const FIRST_FD = 8;

function isBelowTmp(folder: string): boolean {
  return folder.startsWith("/tmp/");
}

function nodeScript(comment: string, file: string): string {
  return shellScript(comment, [process.execPath, ...nodeOptions(file), file]);
}

/** `exec`, so that signals reach the program itself. */
function shellScript(comment: string, words: readonly string[]): string {
  return `#!/bin/sh\n# ${comment}\nexec ${words.map(quote).join(" ")} "$@"\n`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
