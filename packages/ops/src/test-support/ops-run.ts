import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadStage, type StageInput, type StageSettings } from "@dbward-aws/settings";
import { afterAll, afterEach, beforeEach, vi } from "vitest";
import { runCli } from "../run-cli.ts";
import { type Answers, type AwsPeer, startAwsPeer } from "./aws-peer.ts";

export const CANARY = "dbw_0123456789abcdef0123456789abcdef";

const SERVER_TOML = '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n';
const AGENT_TOML =
  '[server]\nurl = "http://server:3000"\nagent_token = "$' +
  '{DBWARD_AGENT_TOKEN}"\n[databases.app.production]\nurl = "$' +
  '{DATABASE_URL}"\n';

/** A stage with a server and the agents `app` and `reports`, with some of its parts replaced. */
function stageInput(changes: Partial<StageInput> = {}): StageInput {
  const agent = (name: string) => ({
    name,
    image: { tag: "0.2.0" },
    configToml: AGENT_TOML,
    database: { urlSecret: `dbward/prod/${name}-url` },
  });
  return {
    server: { image: { tag: "0.2.0" }, configToml: SERVER_TOML },
    agents: [agent("app"), agent("reports")],
    ...changes,
  };
}

export function stageSettings(changes: Partial<StageInput> = {}): StageSettings {
  return loadStage({ stages: { prod: stageInput(changes) } }, "prod", { root: "." });
}

/** Starts an AWS peer for the test under way; the SDK's clients find it by the environment, as they would any endpoint. */
export async function withAws(answers: Answers): Promise<AwsPeer> {
  const peer = await startAwsPeer(answers);
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

const directory = mkdtempSync(join(tmpdir(), "ops-"));
afterAll(() => rmSync(directory, { recursive: true }));

let runs = 0;

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line of the stage `prod`, unless it names another one. */
export async function ops(line: string, changes: Partial<StageInput> = {}): Promise<CliRun> {
  const config = `${JSON.stringify(stageInput(changes))}`;
  // A new name each time: a module is read once only.
  const name = `config-${++runs}.mjs`;
  writeFileSync(join(directory, name), `export default { stages: { prod: ${config} } };\n`);
  const out: string[] = [];
  const err: string[] = [];
  const argv = [
    ...line.split(" "),
    "--config",
    name,
    ...(line.includes("--stage") ? [] : ["--stage", "prod"]),
  ];
  const code = await runCli(argv, {
    directory,
    print: (text) => out.push(text),
    complain: (text) => err.push(text),
    signal: new AbortController().signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}
