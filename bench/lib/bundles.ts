import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build } from "esbuild";

const BENCH = fileURLToPath(new URL("..", import.meta.url));
const FUNCTIONS = resolve(BENCH, "../functions");
/** In node_modules, so that the sources in it find the clients, and Git ignores it. */
const SCRATCH = join(BENCH, "node_modules/.bench");

/** The AWS clients of each function, and the commands that it sends with each. */
const CLIENTS = {
  "apply-config": {
    ecs: [
      "ECSClient",
      "DescribeServicesCommand",
      "DescribeTaskDefinitionCommand",
      "DescribeTasksCommand",
      "paginateListTasks",
      "UpdateServiceCommand",
    ],
    "secrets-manager": ["SecretsManagerClient", "paginateListSecretVersionIds"],
    sns: ["SNSClient", "PublishCommand"],
    ssm: ["SSMClient", "GetParameterCommand", "PutParameterCommand", "paginateGetParameterHistory"],
  },
  "capture-tokens": {
    ecs: [
      "ECSClient",
      "DescribeTasksCommand",
      "DescribeClustersCommand",
      "DescribeServicesCommand",
      "ExecuteCommandCommand",
      "ListTasksCommand",
      "RunTaskCommand",
    ],
    "secrets-manager": ["SecretsManagerClient", "GetSecretValueCommand", "PutSecretValueCommand"],
  },
  "check-tokens": {
    cloudwatch: ["CloudWatchClient", "PutMetricDataCommand"],
    ecs: ["ECSClient", "DescribeServicesCommand"],
    "secrets-manager": [
      "SecretsManagerClient",
      "GetSecretValueCommand",
      "DescribeSecretCommand",
      "PutSecretValueCommand",
      "UpdateSecretVersionStageCommand",
    ],
  },
  "poll-agents": {
    cloudwatch: ["CloudWatchClient", "PutMetricDataCommand"],
    ecs: ["ECSClient", "DescribeServicesCommand"],
    "secrets-manager": ["SecretsManagerClient", "GetSecretValueCommand"],
  },
} as const;

/** What a function loads only when it needs it. */
const ON_DEMAND: { readonly [Name in FunctionName]?: string } = {
  "capture-tokens": `() => import("./logs.ts")`,
};
const LOGS_CLIENT = `export { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";`;

export type FunctionName = keyof typeof CLIENTS;
export const FUNCTION_NAMES = Object.keys(CLIENTS) as FunctionName[];

/** Bundles a function as it is deployed. @returns the path of its entry */
export function bundle(name: FunctionName): string {
  return bundleFolder(join(FUNCTIONS, name), name);
}

/**
 * Bundles, in the same way, a handler that creates the clients of a function and does nothing with them.
 *
 * @param imports `clients`: one command of each client; `commands`: all that the function sends
 */
export function bundleEmpty(name: FunctionName, imports: "clients" | "commands"): string {
  const clients = Object.entries(CLIENTS[name]).map(([service, [client, first, ...others]]) => ({
    service,
    client,
    commands: imports === "clients" ? [first] : [first, ...others],
  }));
  return bundleSource(
    `empty-${name}-${imports}`,
    [
      ...clients.map(
        ({ service, client, commands }) =>
          `import { ${[client, ...commands].join(", ")} } from "@aws-sdk/client-${service}";`,
      ),
      `const clients = [${clients.map(({ client }) => `new ${client}({})`).join(", ")}];`,
      `const commands = [${clients.flatMap(({ commands }) => commands).join(", ")}];`,
      `const onDemand = ${ON_DEMAND[name]};`,
      "export const handler = async () => [clients, commands, await onDemand?.()].length;",
    ].join("\n"),
  );
}

/** Bundles the source text of a handler as a function is bundled. @returns the path of its entry */
export function bundleSource(name: string, source: string): string {
  const folder = join(SCRATCH, `${name}-source`);
  mkdirSync(join(folder, "src"), { recursive: true });
  writeFileSync(join(folder, "src/handler.ts"), source);
  writeFileSync(join(folder, "src/logs.ts"), LOGS_CLIENT);
  // For the bill of materials.
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version: "0.0.0", license: "MIT" }));
  return bundleFolder(folder, name);
}

/**
 * As CDK's NodejsFunction does it with the SDK inside: CommonJS, `main` before `module`; minified, to be
 * comparable.
 */
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

/** Bytes of a module and of all modules that it imports statically: what a cold start reads. */
export function bytesAtStart(path: string, seen = new Set<string>()): number {
  if (seen.has(path)) return 0;
  seen.add(path);
  const code = readFileSync(path, "utf8");
  const imported = [...code.matchAll(/(?:\bfrom|\bimport)\s*"(\.{1,2}\/[^"]+)"/g)].map((match) =>
    resolve(dirname(path), match[1]!),
  );
  return imported.reduce((sum, at) => sum + bytesAtStart(at, seen), Buffer.byteLength(code));
}

/** Bytes of everything that is deployed, and their size in a zip file. */
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
