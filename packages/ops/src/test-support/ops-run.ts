import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadStage, type StageInput, type StageSettings } from "@dbward-aws/settings";
import { afterAll, afterEach, beforeEach, vi } from "vitest";
import { runCli } from "../run-cli.ts";
import { type Answers, type AwsPeer, startAwsPeer } from "./aws-peer.ts";
import { noStack } from "./empty-account.ts";

/** Account of the credentials that the tests have. */
const ACCOUNT = "123456789012";

export const CANARY = "dbw_0123456789abcdef0123456789abcdef";

const SERVER_TOML = '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n';
const AGENT_TOML =
  '[server]\nurl = "http://server:3000"\nagent_token = "$' +
  '{DBWARD_AGENT_TOKEN}"\n[databases.app.production]\nurl = "$' +
  '{DATABASE_URL}"\n';

/** A stage with a server and the agents `app`, which has the bootstrap token, and `reports`, with some of its parts replaced. */
export function stageInput(changes: Partial<StageInput> = {}): StageInput {
  const agent = (name: string, token: "own" | "bootstrap") => ({
    name,
    token,
    image: { tag: "0.2.0" },
    configToml: AGENT_TOML,
    database: { urlSecret: `dbward/prod/${name}-url`, cidrs: ["10.9.0.0/16"] },
  });
  return {
    server: { image: { tag: "0.2.0" }, configToml: SERVER_TOML },
    agents: [agent("app", "bootstrap"), agent("reports", "own")],
    ...changes,
  };
}

export function stageSettings(changes: Partial<StageInput> = {}): StageSettings {
  return loadStage({ stages: { prod: stageInput(changes) } }, "prod", { root: "." });
}

/** Starts an AWS peer for the test under way; the SDK's clients find it by the environment, as they would any endpoint. */
export async function withAws(answers: Answers): Promise<AwsPeer> {
  const peer = await startAwsPeer({
    GetCallerIdentity: () => ({ Account: ACCOUNT }),
    DescribeStacks: noStack,
    ...answers,
  });
  peers.push(peer);
  vi.stubEnv("AWS_ENDPOINT_URL", peer.url);
  return peer;
}

const peers: AwsPeer[] = [];
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
  // A call that a test has no peer for fails at once, and leaves this machine never.
  vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
  vi.stubEnv("AWS_REGION", "eu-central-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  vi.stubEnv("AWS_CONFIG_FILE", "/dev/null");
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
  vi.stubEnv("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const peer of peers.splice(0)) await peer.close();
});

/** Folder of the settings. */
export const directory = mkdtempSync(join(tmpdir(), "ops-"));
mkdirSync(join(directory, "config"));
writeFileSync(
  join(directory, "config/versions.json"),
  JSON.stringify({ prod: { server: "0.2.0", agents: "0.2.0" } }),
);
afterAll(() => rmSync(directory, { recursive: true }));

let runs = 0;

export interface CliRun {
  readonly code: number;
  readonly out: string;
  /** Without the line that says whose account it is. */
  readonly err: string;
  /** That line. */
  readonly identity: string | undefined;
}

/** Runs a command line of the stage `prod`, unless it names another one; words are separated by single spaces. */
export async function ops(
  line: string,
  changes: Partial<StageInput> = {},
  signal?: AbortSignal,
): Promise<CliRun> {
  const stage = line.includes("--stage") ? [] : ["--stage", "prod"];
  return opsWords([...stage, ...line.split(" ")], changes, signal);
}

/** Runs a command line as it is. */
export async function opsWords(
  words: readonly string[],
  changes: Partial<StageInput> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CliRun> {
  const config = `${JSON.stringify(stageInput(changes))}`;
  // A new name each time: a module is read once only.
  const name = `config-${++runs}.mjs`;
  writeFileSync(join(directory, name), `export default { stages: { prod: ${config} } };\n`);
  const out: string[] = [];
  const err: string[] = [];
  const [complete, ...rest] = words;
  const isCompletion = complete === "--get-yargs-completions";
  const argv = isCompletion ? [complete, "--config", name, ...rest] : ["--config", name, ...words];
  const code = await runCli(argv, {
    directory,
    print: (text) => out.push(text),
    complain: (text) => err.push(text),
    write: async () => {},
    signal,
  });
  const identity = err[0]?.startsWith("Account ") ? err.shift() : undefined;
  return { code, out: out.join("\n"), err: err.join("\n"), identity };
}
