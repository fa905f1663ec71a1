import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { signalGroup } from "@dbward-aws/local-account";
import type { HealthCheckDefinition } from "./task-definition.ts";

/** `healthStatus` of a container, as ECS has it. */
export type HealthStatus = "UNKNOWN" | "HEALTHY" | "UNHEALTHY";

export interface HealthCheckOptions {
  readonly definition: HealthCheckDefinition;
  /** The command's words, as they are to be executed. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Called with every change of the status. */
  readonly onStatus: (status: HealthStatus) => void;
}

/**
 * Runs a container's health check until it is closed.
 *
 * One success makes the container healthy; `retries` failures in a row make it unhealthy, of which those
 * within `startPeriod` don't count. Until the first success of a start period it asks every half second and
 * not once an interval: the answer is the same, and a deployment waits for it.
 */
export class HealthCheck {
  readonly #options: HealthCheckOptions;
  readonly #startedAt = performance.now();
  readonly #closing = new AbortController();
  #status: HealthStatus = "UNKNOWN";
  #failures = 0;

  constructor(options: HealthCheckOptions) {
    this.#options = options;
    void this.#run();
  }

  /** Stops asking: the container has ended. */
  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { interval = 30, retries = 3 } = this.#options.definition;
    while (!this.#closing.signal.aborted) {
      // A machine without a process or a descriptor to spare throws at once; the container is asked again.
      const healthy = await this.#ask().catch(() => false);
      if (this.#closing.signal.aborted) return;
      if (healthy) this.#failures = 0;
      else if (!this.#starting) this.#failures++;
      if (healthy) this.#become("HEALTHY");
      else if (this.#failures >= retries) this.#become("UNHEALTHY");
      const unanswered = this.#status === "UNKNOWN" && this.#starting;
      const milliseconds = unanswered ? FIRST_INTERVAL_MS : interval * 1000;
      await delay(milliseconds, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  get #starting(): boolean {
    return performance.now() - this.#startedAt < (this.#options.definition.startPeriod ?? 0) * 1000;
  }

  #become(status: HealthStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    this.#options.onStatus(status);
  }

  #ask(): Promise<boolean> {
    const { words, environment, directory, definition } = this.#options;
    return new Promise((resolve) => {
      const child = spawn(words[0] ?? "", words.slice(1), {
        cwd: directory,
        env: environment,
        detached: true,
        stdio: "ignore",
      });
      const end = () => child.pid !== undefined && signalGroup(child.pid, "SIGKILL");
      const timer = setTimeout(end, (definition.timeout ?? 5) * 1000);
      this.#closing.signal.addEventListener("abort", end);
      const done = (healthy: boolean) => {
        clearTimeout(timer);
        this.#closing.signal.removeEventListener("abort", end);
        resolve(healthy);
      };
      child.once("error", () => done(false));
      child.once("exit", (code) => done(code === 0));
    });
  }
}

/** The words that a health check's `command` stands for. */
export function healthCheckWords(command: readonly string[]): readonly string[] {
  const [form, ...rest] = command;
  if (form === "CMD-SHELL") return ["/bin/sh", "-c", rest.join(" ")];
  return form === "CMD" ? rest : command;
}

const FIRST_INTERVAL_MS = 500;
