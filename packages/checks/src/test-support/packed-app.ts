import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { files, ROOT, text } from "../repository.ts";

/** The parts of a package.json that say what it is, what it needs and what it offers. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** A package of this workspace that goes to the registry. */
export interface Published {
  readonly folder: string;
  readonly manifest: Manifest;
}

const SCOPE = "@dbward-aws/";

/** Every package of this workspace that goes to the registry. */
export const PUBLISHED: readonly Published[] = files(
  /^(infra|packages\/[^/]+|functions\/[^/]+)\/package\.json$/,
)
  .map((path) => ({ folder: join(ROOT, dirname(path)), manifest: JSON.parse(text(path)) as Manifest }))
  .filter(({ manifest }) => manifest.private !== true);

/** The archives that would be published. */
export class Archives {
  readonly #destination: string;
  readonly #made = new Map<string, string>();

  /** @param destination folder for the archives */
  constructor(destination: string) {
    this.#destination = destination;
  }

  /** Path of the archive of the package in `folder`; it is made once. */
  of(folder: string): string {
    const made = this.#made.get(folder);
    if (made !== undefined) return made;
    const printed = execFileSync("pnpm", ["pack", "--json", "--pack-destination", this.#destination], {
      cwd: folder,
      encoding: "utf8",
      // pnpm would run lifecycle scripts and look for another version of itself.
      env: { ...process.env, npm_config_ignore_scripts: "true" },
    });
    const { filename } = JSON.parse(printed) as { filename: string };
    this.#made.set(folder, filename);
    return filename;
  }
}

/**
 * Lays out `node_modules` of an app outside this workspace that has `names` installed: our packages as they
 * would be published, and of all others exactly those that their manifests name, as links. What the app has
 * already is left as it is.
 *
 * @returns the manifests of our packages, as packed
 */
export function installPacked(app: string, names: readonly string[], archives: Archives): Manifest[] {
  const installed = new Map<string, Manifest>();
  const wanted = [...names];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (installed.has(name)) continue;
    const source = PUBLISHED.find(({ manifest }) => manifest.name === name)?.folder;
    if (source === undefined) throw new Error(`${name} is not published from this workspace`);
    const manifest = unpack(archives.of(source), join(app, "node_modules", name));
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

function unpack(archive: string, target: string): Manifest {
  mkdirSync(target, { recursive: true });
  execFileSync("tar", ["-xzf", archive, "-C", target, "--strip-components=1"]);
  return JSON.parse(readFileSync(join(target, "package.json"), "utf8")) as Manifest;
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
