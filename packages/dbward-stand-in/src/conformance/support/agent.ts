import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "vitest";
import { AGENT, RunningProgram } from "./program.ts";

/** Status files of an agent, in its `/tmp`. */
const FILES = { alive: "dbward-agent-alive", ready: "dbward-agent-ready" } as const;

/**
 * A real agent has `/tmp` built in: it gets a folder of its own there, so that tests can run at the same
 * time.
 */
const OWN_TMP = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount --bind "$0" /tmp && exec "$@"'];

/** What most agents of the suite are started with. */
export function agentToml({
  server,
  databases = {},
  more = "",
}: {
  readonly server: string;
  /** URLs by `NAME.ENVIRONMENT`. */
  readonly databases?: Readonly<Record<string, string>>;
  readonly more?: string;
}): string {
  const tables = Object.entries(databases).map(([name, url]) => `[databases.${name}]\nurl = "${url}"`);
  return `poll_interval_ms = 50
startup_retry_initial_ms = 50
startup_retry_max_ms = 50
${more}
[server]
url = "${server}"
agent_token = "\${DBWARD_AGENT_TOKEN}"
[databases]
${tables.join("\n") || "[databases.app]"}
`;
}

/** An agent that was started, and its files. */
export class RunningAgent {
  readonly program: RunningProgram;
  readonly #folder: string;

  constructor(program: RunningProgram, folder: string) {
    this.program = program;
    this.#folder = folder;
  }

  has(file: keyof typeof FILES): boolean {
    return existsSync(this.#path(file));
  }

  /** Bytes in a file that is there. */
  size(file: keyof typeof FILES): number {
    return statSync(this.#path(file)).size;
  }

  /** Waits until a file is there, or isn't. @throws when the agent ends before */
  async until(file: keyof typeof FILES, there: boolean): Promise<void> {
    while (this.has(file) !== there) {
      if (!this.program.running)
        throw new Error(
          `the agent ended with ${await this.program.ended()}:\n${this.program.output.join("\n")}`,
        );
      await delay(10);
    }
  }

  #path(file: keyof typeof FILES): string {
    return join(this.#folder, FILES[file]);
  }
}

/** Starts agents, each with a `/tmp` of its own. */
export class AgentSandbox {
  readonly #started: { program: RunningProgram; folder: string }[] = [];

  /** @param token goes to the agent as `DBWARD_AGENT_TOKEN` */
  async start(
    toml: string,
    {
      token = `dbw_${"0".repeat(32)}`,
      environment = {},
      args = [],
    }: {
      readonly token?: string;
      readonly environment?: NodeJS.ProcessEnv;
      readonly args?: readonly string[];
    } = {},
  ): Promise<RunningAgent> {
    const folder = await mkdtemp(join(tmpdir(), "dbward-conformance-agent-"));
    await writeFile(join(folder, "agent.toml"), toml);
    const config = AGENT.real ? "/tmp/agent.toml" : join(folder, "agent.toml");
    const program = new RunningProgram(
      AGENT.real ? { ...AGENT, command: [...OWN_TMP, folder, ...AGENT.command] } : AGENT,
      ["--config", config, ...args],
      { DBWARD_AGENT_TOKEN: token, DBWARD_STANDIN_TMP: folder, ...environment },
    );
    this.#started.push({ program, folder });
    return new RunningAgent(program, folder);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#started.map(({ program }) => program.kill()));
    await Promise.all(this.#started.map(({ folder }) => rm(folder, { recursive: true, force: true })));
  }
}

/** A test with agents, which are ended behind it. */
export const withAgents = test.extend<{ agents: AgentSandbox }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures out of the pattern
  agents: async ({}, use) => {
    const [command = "", ...args] = [...OWN_TMP, tmpdir(), "true"];
    if (AGENT.real && spawnSync(command, args).status !== 0)
      throw new Error("a real agent needs a /tmp of its own, and this machine refuses mount namespaces");
    const agents = new AgentSandbox();
    try {
      await use(agents);
    } finally {
      await agents.dispose();
    }
  },
});
