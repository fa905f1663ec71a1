import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build } from "esbuild";

const BENCH = fileURLToPath(new URL("..", import.meta.url));
const FUNCTIONS = resolve(BENCH, "../functions");
/** Below node_modules, so that what is bundled there finds the clients and stays out of the repository. */
const SCRATCH = join(BENCH, "node_modules/.bench");

/** Clients of each function, and one command of each client; {@link ON_DEMAND} those that it loads when it needs them. */
const CLIENTS = {
  "capture-tokens": {
    ecs: ["ECSClient", "DescribeTasksCommand"],
    "secrets-manager": ["SecretsManagerClient", "GetSecretValueCommand"],
  },
  "poll-agents": {
    cloudwatch: ["CloudWatchClient", "PutMetricDataCommand"],
    ecs: ["ECSClient", "DescribeServicesCommand"],
    "secrets-manager": ["SecretsManagerClient", "GetSecretValueCommand"],
  },
} as const;

const ON_DEMAND = {
  "capture-tokens": `() => import("./logs.ts")`,
  "poll-agents": "undefined",
} as const;
const LOGS_CLIENT = `export { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";`;

export type FunctionName = keyof typeof CLIENTS;
export const FUNCTION_NAMES = Object.keys(CLIENTS) as FunctionName[];

/** Bundles a function as it is deployed. @returns the path of its entry */
export function bundle(name: FunctionName): string {
  return bundleFolder(join(FUNCTIONS, name), name);
}

/** Bundles a handler that has the clients of a function, and does nothing with them, in the same way. */
export function bundleEmpty(name: FunctionName): string {
  const clients = Object.entries(CLIENTS[name]);
  return bundleSource(
    `empty-${name}`,
    [
      ...clients.map(
        ([service, names]) => `import { ${names.join(", ")} } from "@aws-sdk/client-${service}";`,
      ),
      `const clients = [${clients.map(([, [client]]) => `new ${client}({})`).join(", ")}];`,
      `const commands = [${clients.map(([, [, command]]) => command).join(", ")}];`,
      `const onDemand = ${ON_DEMAND[name]};`,
      "export const handler = async () => [clients, commands, await onDemand?.()].length;",
    ].join("\n"),
  );
}

/** Bundles a handler that is given as text, as a function is bundled. @returns the path of its entry */
export function bundleSource(name: string, source: string): string {
  const folder = join(SCRATCH, `${name}-source`);
  mkdirSync(join(folder, "src"), { recursive: true });
  writeFileSync(join(folder, "src/handler.ts"), source);
  writeFileSync(join(folder, "src/logs.ts"), LOGS_CLIENT);
  return bundleFolder(folder, name);
}

/** As NodejsFunction of CDK does it, the SDK inside: CommonJS, `main` before `module`; minified, for a fair comparison. */
export async function bundleByDefault(name: FunctionName): Promise<string> {
  const outfile = join(SCRATCH, `default-${name}/index.cjs`);
  await build({
    entryPoints: [join(FUNCTIONS, name, "src/handler.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    conditions: ["@dbward-aws/source"],
    minify: true,
    logLevel: "error",
  });
  return outfile;
}

/** Bytes of a module and of everything that it imports statically: what a cold start reads. */
export function bytesAtStart(path: string, seen = new Set<string>()): number {
  if (seen.has(path)) return 0;
  seen.add(path);
  const code = readFileSync(path, "utf8");
  const imported = [...code.matchAll(/(?:\bfrom|\bimport)\s*"(\.{1,2}\/[^"]+)"/g)].map((match) =>
    resolve(dirname(path), match[1]!),
  );
  return imported.reduce((sum, at) => sum + bytesAtStart(at, seen), Buffer.byteLength(code));
}

/** Bytes of all that is deployed, and what is left of them in a zip file. */
export function bytesInAll(entry: string): { readonly plain: number; readonly zipped: number } {
  const folder = dirname(entry);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name)));
  const sum = (lengths: readonly number[]) => lengths.reduce((total, length) => total + length, 0);
  return {
    plain: sum(files.map(({ length }) => length)),
    zipped: sum(files.map((file) => deflateRawSync(file, { level: 9 }).length)),
  };
}

function bundleFolder(folder: string, name: string): string {
  const outdir = join(SCRATCH, name);
  execFileSync(process.execPath, [join(FUNCTIONS, "bundle.mjs"), outdir], { cwd: folder, stdio: "inherit" });
  return join(outdir, "index.mjs");
}
