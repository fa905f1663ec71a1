import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { type Deadline, redact } from "@dbward-aws/core";
import { emulatorEnvironment, LOCAL_REGION } from "../account/environment.ts";
import {
  type AccountListener,
  type Credentials,
  callEmulator,
  type EmulatorSocket,
  startAccountListener,
} from "../account/index.ts";
import { endGroup } from "../processes/end-group.ts";
import { logWriter } from "../processes/log-writer.ts";
import { Judge, RIGHTS_FILE } from "../rights/index.ts";
import { EmulatorUnavailable, PortInUse } from "./errors.ts";
import { LAUNCHER } from "./install.ts";
import { answerVpcFunctions, type FunctionVariables } from "./vpc-functions.ts";

export interface EmulatorOptions {
  /** Python of the environment that `installEmulator` made. */
  readonly python: string;
  /** The stage's directory: the emulator's temporary files and its log go there. */
  readonly directory: string;
  /** Port on 127.0.0.1 on which the account is called. */
  readonly port: number;
  /** Keys of the administrator; those of functions and other roles are derived from them. */
  readonly credentials: Credentials;
  /** Returns the environment variables of a function in a VPC. @default - its own */
  readonly functionVariables?: FunctionVariables;
  /** Folder `@aws-sdk` in which functions find what their bundle leaves out, as they do on Lambda. */
  readonly sdk?: string;
  /** How many times faster than on AWS schedules and periods of alarms pass. @default 1 */
  readonly speed?: number;
  readonly deadline: Deadline;
}

/** A running emulated account. */
export interface Emulator extends EmulatorSocket {
  /** Decides which calls are allowed. */
  readonly judge: Judge;
  readonly endpoint: string;
  /** Id of its process and of its process group. */
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Sets what answers calls before the emulator; see {@link AccountListener}. */
  readonly setFront: AccountListener["setFront"];
  close(): Promise<void>;
}

/**
 * Starts MiniStack and waits until it answers. It listens on a socket of its owner; on 127.0.0.1 this process
 * listens, and lets signed calls through. It ends with this process, however that ends: it reads the other
 * end of a pipe.
 *
 * @throws {@link EmulatorUnavailable} `emulator-start-failed`
 * @throws {@link PortInUse} when another program was quicker to take the port
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { directory, port, credentials, deadline } = options;
  const endpoint = `http://127.0.0.1:${port}`;
  const temporary = join(directory, "tmp");
  const logFile = join(directory, "logs", "emulator.log");
  await Promise.all([
    mkdir(temporary, { recursive: true }),
    mkdir(join(directory, "logs"), { recursive: true }),
  ]);
  // Functions are unpacked there, and the nearest package.json decides how Node reads them: not the
  // checkout's.
  await writeFile(join(temporary, "package.json"), '{ "type": "commonjs" }');
  const packages = await packagesForFunctions(temporary, options.sdk);
  const programs = await nodeForFunctions(temporary);
  const log = await logWriter(logFile);
  const socketFolder = await mkdtemp(join(socketRoot(), "dbward-local-"));
  const socketPath = join(socketFolder, "account.sock");
  const judge = new Judge({
    access: { socketPath, endpoint, region: LOCAL_REGION },
    administrator: credentials,
    record: join(directory, RIGHTS_FILE),
    onRefusal: log,
  });
  let listener: AccountListener;
  try {
    listener = await startAccountListener({
      port,
      credentials,
      socketPath,
      judge: (...call) => judge.judge(...call),
      judgeUpgrade: (...upgrade) => judge.judgeUpgrade(...upgrade),
      onError: (error) => log(String(error)),
    });
  } catch (error) {
    await rm(socketFolder, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") throw new PortInUse(port);
    throw error;
  }
  const functions = await answerVpcFunctions(
    join(socketFolder, FUNCTIONS_SOCKET),
    options.functionVariables ?? (({ variables }) => variables),
  );
  const tidyUp = async () => {
    await listener.close();
    await functions.close();
    judge.close();
    await rm(socketFolder, { recursive: true, force: true });
  };
  const child = spawn(options.python, ["-u", LAUNCHER, socketPath], {
    cwd: directory,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: emulatorEnvironment(
      { endpoint, credentials },
      {
        GATEWAY_PORT: String(port),
        LAMBDA_EXECUTOR: "local",
        LOG_LEVEL: "WARNING",
        DBWARD_LOCAL_SPEED: String(options.speed ?? 1),
        MINISTACK_REGION: LOCAL_REGION,
        TMPDIR: temporary,
        STATE_DIR: join(temporary, "state"),
        S3_DATA_DIR: join(temporary, "s3"),
        PYTHONDONTWRITEBYTECODE: "1",
        NODE_PATH: packages,
        PATH: [programs, process.env.PATH ?? ""].join(delimiter),
      },
    ),
  });
  child.stdin.on("error", () => undefined); // it ended before we did
  const lastLines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on("line", (line) => {
      const printed = redact(line);
      log(printed);
      lastLines.push(printed);
      if (lastLines.length > 5) lastLines.shift();
    });
  }
  let failure: unknown;
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      hasEnded = true;
      resolve();
    };
    child.once("error", (error) => {
      failure = error;
      end();
    });
    child.once("close", end);
  });

  const answered = await deadline.until(async () => (hasEnded ? false : await answers(socketPath)), 50);
  if (!answered) {
    if (child.pid !== undefined) await endGroup(child.pid);
    await tidyUp();
    const what = hasEnded
      ? `ended at once: ${lastLines.join(" ") || "it printed nothing"}`
      : "does not answer";
    throw new EmulatorUnavailable("emulator-start-failed", `The emulated account ${what}.`, {
      hint: `Read ${logFile}; if its packages are damaged, remove ${dirname(dirname(options.python))} and start again.`,
      cause: failure,
    });
  }
  const pid = child.pid!;
  return {
    endpoint,
    socketPath,
    judge,
    pid,
    ended,
    setFront: listener.setFront,
    close: async () => {
      await endGroup(pid);
      await ended;
      await tidyUp();
    },
  };
}

/**
 * The `node` of the functions: this process's own. They are made for Lambda's Node 22 and its WebSocket
 * client, which Node 20 has behind a switch; a function's own NODE_OPTIONS would hide the switch, so it is
 * set here.
 *
 * @returns the folder that holds it
 */
async function nodeForFunctions(temporary: string): Promise<string> {
  const folder = join(temporary, "bin");
  const switches = process.versions.node.startsWith("20.") ? "--experimental-websocket " : "";
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "node"), `#!/bin/sh\nexec '${process.execPath}' ${switches}"$@"\n`, {
    mode: 0o755,
  });
  return folder;
}

/**
 * The packages of the functions: the SDK, and nothing beside it. Of all packages of SST the emulator would
 * load SDK 2 into every function.
 *
 * @returns the folder that holds them
 */
async function packagesForFunctions(temporary: string, sdk: string | undefined): Promise<string> {
  const folder = join(temporary, "node_modules");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (sdk) await symlink(sdk, join(folder, "@aws-sdk"));
  return folder;
}

/** Name of the socket beside the account's; the launcher uses it too. */
const FUNCTIONS_SOCKET = "functions.sock";

/** Of a folder for a socket, whose path the system limits to about a hundred bytes. */
function socketRoot(): string {
  return tmpdir().length < 60 ? tmpdir() : "/tmp";
}

async function answers(socketPath: string): Promise<true | undefined> {
  try {
    const signal = AbortSignal.timeout(2_000);
    const health = { method: "GET", path: "/_ministack/health", headers: { host: "localhost" } };
    const { status } = await callEmulator({ socketPath }, { ...health, body: Buffer.alloc(0), signal });
    return status === 200 || undefined;
  } catch {
    return undefined; // not listening yet
  }
}
