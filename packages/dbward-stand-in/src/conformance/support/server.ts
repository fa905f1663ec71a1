import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Answer, Api } from "./api.ts";
import { RunningProgram, SERVER } from "./program.ts";

/** How to start a server. */
export interface ServerOptions {
  /** server.toml but for `state_dir`. @default {@link CONFIG} */
  readonly toml?: string;
  /** Further arguments. */
  readonly args?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** @default - a free port of the loopback */
  readonly port?: number;
  /** Whether to pass `--listen`; `args` can do so instead. @default true */
  readonly listen?: boolean;
}

/** What most expectations are held against. */
export const CONFIG = `
[result_storage]

[[databases]]
name = "app"
environments = ["production", "staging"]

[[auth.roles]]
name = "cloudwatch-metrics"
permissions = ["metrics.view"]

[[auth.groups]]
name = "team"
roles = ["approver"]

[[workflows]]
database = "app"
environment = "staging"
auto_approve = { mode = "always" }

[[workflows]]
database = "app"
environment = "production"
[[workflows.steps]]
approvers = [{ role = "approver" }]
`;

/** A folder with a state directory in it, in which servers are started one after another. */
export class ServerSandbox {
  readonly directory: string;
  readonly #started: RunningProgram[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<ServerSandbox> {
    return new ServerSandbox(await mkdtemp(join(tmpdir(), "dbward-conformance-")));
  }

  /** @param name a path below the state directory */
  path(name: string): string {
    return join(this.directory, "data", name);
  }

  /** A file that the server wrote, such as `admin-token`. */
  read(name: string): Promise<string> {
    return readFile(this.path(name), "utf8");
  }

  /** Starts a server and leaves it alone: for starts that are refused. */
  async spawn({
    toml = CONFIG,
    args = [],
    environment = {},
    port,
    listen = true,
  }: ServerOptions = {}): Promise<{
    program: RunningProgram;
    port: number;
  }> {
    const config = join(this.directory, "server.toml");
    await writeFile(config, `state_dir = ${JSON.stringify(join(this.directory, "data"))}\n${toml}`);
    const taken = port ?? (await freePort());
    const program = new RunningProgram(
      SERVER,
      [...(listen ? ["--listen", `127.0.0.1:${taken}`] : []), "--config", config, ...args],
      environment,
    );
    this.#started.push(program);
    return { program, port: taken };
  }

  /** Starts a server and waits until it answers. @throws when it ends instead */
  async start(options: ServerOptions = {}): Promise<RunningServer> {
    const { program, port } = await this.spawn(options);
    const url = `http://127.0.0.1:${port}`;
    while (program.running) {
      const health = await fetch(`${url}/health`).catch(() => undefined);
      if (health?.ok) return new RunningServer(program, url, this);
      await delay(20);
    }
    throw new Error(`the server ended with ${await program.ended()}:\n${program.output.join("\n")}`);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#started.map((program) => program.kill()));
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A server that answers. */
export class RunningServer {
  readonly program: RunningProgram;
  readonly url: string;
  readonly sandbox: ServerSandbox;
  #users = 0;

  constructor(program: RunningProgram, url: string, sandbox: ServerSandbox) {
    this.program = program;
    this.url = url;
    this.sandbox = sandbox;
  }

  /** Calls of the holder of a token; without one, anonymous ones. */
  as(token: string | undefined): Api {
    return new Api(this.url, token);
  }

  /** Calls of the user `admin`, who has the roles `admin` and `requester`. */
  async admin(): Promise<Api> {
    return this.as(await this.sandbox.read("admin-token"));
  }

  /** Calls of the bootstrap agent token. */
  async agent(): Promise<Api> {
    return this.as(await this.sandbox.read("agent-token"));
  }

  /** Makes a user. @returns its calls, and its id */
  async user(roles: readonly string[], more: object = {}): Promise<Api & { readonly id: string }> {
    const id = `user-${++this.#users}`;
    const made = await (await this.admin()).post("/api/users", { id, roles, ...more });
    return Object.assign(this.as(expectStatus(made, 201).token as string), { id });
  }
}

/** The members of an answer that has to have a status for the test to go on. */
export function expectStatus(answer: Answer, status: number): Record<string, unknown> {
  if (answer.status !== status) throw new Error(`${answer.call}: ${answer.status} ${answer.text}`);
  return answer.json as Record<string, unknown>;
}

/** A free port of the loopback interface. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
