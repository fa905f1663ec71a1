import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../repository.ts";

/** The parts of a package.json that say what it needs and what it offers. */
export interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const SCOPE = "@dbward-aws/";

/** Folder in this workspace of each of our packages, by its name. */
const FOLDERS: Readonly<Record<string, string>> = Object.fromEntries(
  [
    "infra",
    "functions/capture-tokens",
    "functions/poll-agents",
    "packages/contract",
    "packages/core",
    "packages/dbward-config",
    "packages/settings",
  ].map((folder) => [manifestOf(join(ROOT, folder)).name, join(ROOT, folder)]),
);

/**
 * Lays out `node_modules` of an app outside this workspace that has `names` installed: our packages as `pnpm pack` makes
 * them, and of all others exactly those that the packed manifests name, as links.
 *
 * @returns the manifests of our packages, as packed
 */
export function installPacked(app: string, names: readonly string[]): Manifest[] {
  const installed = new Map<string, Manifest>();
  const wanted = [...names];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (installed.has(name)) continue;
    const source = FOLDERS[name];
    if (source === undefined) throw new Error(`${name} is no package of this workspace`);
    const manifest = unpack(source, join(app, "node_modules", name), app);
    installed.set(name, manifest);
    for (const needed of needs(manifest))
      if (needed.startsWith(SCOPE)) wanted.push(needed);
      else link(needed, source, app);
  }
  return [...installed.values()];
}

function needs({ dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }: Manifest): string[] {
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  return [...Object.keys(dependencies), ...peers];
}

function unpack(source: string, target: string, app: string): Manifest {
  const printed = execFileSync("pnpm", ["pack", "--json", "--pack-destination", app], {
    cwd: source,
    encoding: "utf8",
    // pnpm would run lifecycle scripts and look for another version of itself.
    env: { ...process.env, npm_config_ignore_scripts: "true" },
  });
  const { filename } = JSON.parse(printed) as { filename: string };
  mkdirSync(target, { recursive: true });
  execFileSync("tar", ["-xzf", filename, "-C", target, "--strip-components=1"]);
  return manifestOf(target);
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

function link(name: string, source: string, app: string): void {
  const path = join(app, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  try {
    symlinkSync(join(source, "node_modules", name), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
