import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METRICS_PERMISSION, METRICS_ROLE } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import { nodeOptions, STAND_IN_SERVER } from "@dbward-aws/dbward-stand-in";
import { freePort } from "@dbward-aws/local-account";

/** Ticks of `/proc/PID/stat` in a second. */
const TICKS = 100;
const START_MS = 120_000;

/** A dbward server in a process: the one that `DBWARD_SERVER_BIN` names, else the stand-in. */
export class DbwardServer {
  readonly url: string;
  /** Whether it is dbward's own program. */
  readonly isReal: boolean;
  /** Whether the system keeps it to the share of a processor that was asked for. */
  readonly isLimited: boolean;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #group: ProcessorGroup;

  private constructor(url: string, isReal: boolean, folder: string, child: ChildProcess, vcpus: number) {
    this.url = url;
    this.isReal = isReal;
    this.#folder = folder;
    this.#child = child;
    this.#group = new ProcessorGroup(child.pid!, vcpus);
    this.isLimited = this.#group.isLimited;
  }

  /**
   * @param environments of its database `app`, in which all requests are approved automatically
   * @param vcpus share of the processors that it gets, where the system lets this process decide so
   */
  static async start(environments: readonly string[], vcpus: number): Promise<DbwardServer> {
    const folder = mkdtempSync(join(tmpdir(), "dbward-load-"));
    const port = await freePort();
    const config = join(folder, "server.toml");
    writeFileSync(config, serverToml(join(folder, "data"), environments));
    const binary = process.env.DBWARD_SERVER_BIN;
    const [program, ...first] = binary
      ? [binary]
      : [process.execPath, ...nodeOptions(STAND_IN_SERVER), STAND_IN_SERVER];
    const args = [...first, "--listen", `127.0.0.1:${port}`, "--config", config];
    const child = spawn(program!, args, { stdio: "ignore" });
    const server = new DbwardServer(`http://127.0.0.1:${port}`, binary !== undefined, folder, child, vcpus);
    const isUp = await Deadline.after(START_MS).until(async () => {
      const answer = await fetch(`${server.url}/health`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok || undefined;
    }, 50);
    if (isUp) return server;
    await server.close();
    throw new Error("The server did not start.");
  }

  get adminToken(): string {
    return readFileSync(join(this.#folder, "data/admin-token"), "utf8");
  }

  /** Seconds of processor time since its start. */
  get processorSeconds(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** The most memory that it had. */
  get peakMemoryMB(): number {
    const [, kB] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, "utf8"))!;
    return Number(kB) / 1024;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await ended;
    await this.#group.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A control group of Linux with a share of the processors, of either version, where this process may make one. */
class ProcessorGroup {
  readonly isLimited: boolean;
  readonly #folder: string | undefined;

  constructor(pid: number, vcpus: number) {
    const period = 100_000;
    const quota = Math.round(vcpus * period);
    const isFirst = existsSync("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    const folder = join(isFirst ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup", `dbward-load-${pid}`);
    try {
      mkdirSync(folder);
      this.#folder = folder;
      if (isFirst) {
        writeFileSync(join(folder, "cpu.cfs_period_us"), `${period}`);
        writeFileSync(join(folder, "cpu.cfs_quota_us"), `${quota}`);
      } else writeFileSync(join(folder, "cpu.max"), `${quota} ${period}`);
      writeFileSync(join(folder, "cgroup.procs"), `${pid}`);
      this.isLimited = true;
    } catch {
      this.isLimited = false;
    }
  }

  /** Its processes may need a moment to be gone. */
  async close(): Promise<void> {
    const folder = this.#folder;
    if (folder === undefined) return;
    await Deadline.after(START_MS).until(() => {
      try {
        rmdirSync(folder);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EBUSY") return undefined;
        throw error;
      }
    }, 50);
  }
}

function serverToml(state: string, environments: readonly string[]): string {
  return `
state_dir = ${JSON.stringify(state)}

[auth]
mode = "token"

[[auth.roles]]
name = "${METRICS_ROLE}"
permissions = ["${METRICS_PERMISSION}"]

[result_storage]

[[databases]]
name = "app"
environments = ${JSON.stringify(environments)}

[[workflows]]
database = "app"
environment = "*"
auto_approve = { mode = "always" }
`;
}
