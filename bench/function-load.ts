/**
 * Size and load time of both functions' bundles against an empty handler with the same clients, bundled the same way, and
 * against CDK's default bundling of the capture. Each round loads every module once in a fresh process, in turn; the
 * ratios count, as the machine's speed is in both halves.
 *
 *     tsx --conditions=@dbward-aws/source bench/function-load.ts [rounds]
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const FUNCTIONS = resolve(HERE, "../functions");
/** Below node_modules, so that it finds the clients and stays out of the repository. */
const SCRATCH = join(HERE, "node_modules/.bench");
const ROUNDS = Number(process.argv[2] ?? 21);

/** Clients of a function, and one command of each. */
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
const GOALS = { "capture-tokens": 340_000, "poll-agents": 340_000 } as const;
type FunctionName = keyof typeof CLIENTS;
const NAMES = Object.keys(CLIENTS) as FunctionName[];

const ENVIRONMENT = {
  PATH: process.env.PATH,
  NODE_NO_WARNINGS: "1",
  AWS_REGION: "eu-central-1",
  DBWARD_STAGE: "bench",
  DBWARD_SERVER_URL: "http://127.0.0.1:1",
  DBWARD_METRICS_TOKEN_SECRET: "bench",
};
const LOAD =
  "const t = performance.now(); await import(process.argv[1]); console.log(performance.now() - t);";

/** @param directory of the function; @param name of a folder for the bundle, so that no build is in the way of another */
function bundle(directory: string, name: string): string {
  const outdir = join(SCRATCH, name);
  execFileSync(process.execPath, [join(FUNCTIONS, "bundle.mjs"), outdir], {
    cwd: directory,
    stdio: "inherit",
  });
  return join(outdir, "index.mjs");
}

function bundleEmpty(name: FunctionName): string {
  const directory = join(SCRATCH, `empty-${name}`);
  const clients = Object.entries(CLIENTS[name]);
  mkdirSync(join(directory, "src"), { recursive: true });
  writeFileSync(
    join(directory, "src/handler.ts"),
    [
      ...clients.map(
        ([service, names]) => `import { ${names.join(", ")} } from "@aws-sdk/client-${service}";`,
      ),
      `const clients = [${clients.map(([, [client]]) => `new ${client}({})`).join(", ")}];`,
      `const commands = [${clients.map(([, [, command]]) => command).join(", ")}];`,
      "export const handler = async () => clients.length + commands.length;",
    ].join("\n"),
  );
  return bundle(directory, `empty-${name}-bundle`);
}

/** As NodejsFunction of CDK does it: CommonJS, `main` before `module`; minified, which it leaves out, for a fair comparison. */
async function bundleByDefault(name: FunctionName): Promise<string> {
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
function staticBytes(path: string, seen = new Set<string>()): number {
  if (seen.has(path)) return 0;
  seen.add(path);
  const code = readFileSync(path, "utf8");
  const imported = [...code.matchAll(/(?:\bfrom|\bimport)\s*"(\.{1,2}\/[^"]+)"/g)].map((match) =>
    resolve(dirname(path), match[1]!),
  );
  return imported.reduce((sum, at) => sum + staticBytes(at, seen), Buffer.byteLength(code));
}

function loadMs(path: string): number {
  const args = ["--input-type=module", "-e", LOAD, pathToFileURL(path).href];
  return Number(execFileSync(process.execPath, args, { env: ENVIRONMENT, encoding: "utf8" }));
}

/** The fastest says most: whatever else the machine does only adds to it. */
function fastestAndMedian(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  return { fastestMs: sorted[0]!, medianMs: sorted[Math.floor(sorted.length / 2)]! };
}

const modules = new Map<string, string>();
for (const name of NAMES) {
  modules.set(name, bundle(join(FUNCTIONS, name), name));
  modules.set(`empty ${name}`, bundleEmpty(name));
}
modules.set("default capture-tokens", await bundleByDefault("capture-tokens"));

const times = new Map<string, number[]>([...modules.keys()].map((name) => [name, []]));
const order = [...modules];
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, path] of order) times.get(name)!.push(loadMs(path));
  // Each takes every place: what runs after a heavy one starts slower.
  order.push(order.shift()!);
}

const figures = Object.fromEntries(
  [...modules].map(([name, path]) => [
    name,
    { bytes: staticBytes(path), ...fastestAndMedian(times.get(name)!) },
  ]),
);
console.table(figures);
for (const name of NAMES) {
  const [mine, empty] = [figures[name]!, figures[`empty ${name}`]!];
  const ratio = mine.fastestMs / empty.fastestMs;
  console.log(
    `${name}: ${mine.bytes} bytes (goal ${GOALS[name]}), load ${ratio.toFixed(3)} of an empty handler's (goal 1.1)`,
  );
}
