import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "@dbward-aws/core";
import {
  type Credentials,
  callEmulator,
  type EmulatorResponse,
  type EmulatorSocket,
  isOwnProcess,
  startAccountListener,
} from "../account/index.ts";
import { type AgentBehaviour, type ExecFaults, ExecGateway } from "../exec-gateway/index.ts";
import { ECS_TARGET, type ServiceView, TaskRunner } from "../task-runner/index.ts";
import { EcsRefusal } from "./ecs-refusal.ts";
import { execContainer, executeCommand } from "./execute-command.ts";
import { type EcsObject, layOver, layOverTaskList } from "./overlay.ts";
import { type EmulatorAnswer, RunTaskRules } from "./run-task.ts";

export interface EcsFrontOptions {
  /** Of the local stage: everything is written below it. */
  readonly directory: string;
  /** The emulated account. */
  readonly emulator: EmulatorSocket & { readonly endpoint: string };
  readonly region: string;
  /** Keys of the account: calls must be signed with them, and tasks get them. */
  readonly credentials: Credentials;
  /** Loopback port to listen on; 0 for any. */
  readonly port: number;
  /** Fixed loopback ports of services, such as `{ server: 41234 }`. The others get free ones. */
  readonly servicePorts: Readonly<Record<string, number>>;
  /** Use the stand-ins although there are real programs. @default false */
  readonly standIn?: boolean;
  /** What ECS Exec sessions are to suffer; can be changed later. @default - nothing */
  readonly faults?: ExecFaults;
  /** How the agent behaves. @default - as on ECS */
  readonly agent?: AgentBehaviour;
  readonly logger: Logger;
}

/** The ECS API of the local stage. */
export interface EcsFront {
  /** Such as `http://127.0.0.1:4567`; value for `AWS_ENDPOINT_URL_ECS`. */
  readonly endpoint: string;
  /** What is running. */
  services(): ServiceView[];
  /** What ECS Exec sessions that start from now on are to suffer. */
  setFaults(faults: ExecFaults): void;
  /** Ends all tasks and sessions, and stops listening. */
  close(): Promise<void>;
}

/**
 * Starts the ECS API of the local stage: the emulated one, with the tasks running for real.
 *
 * Calls go on to the emulator; its answers come back with what is really running in them, and `ExecuteCommand` is
 * answered here. Beside ECS it answers to tasks that ask for their credentials, under a path that only they know.
 */
export async function startEcsFront(options: EcsFrontOptions): Promise<EcsFront> {
  const credentialsPath = `/v2/credentials/${randomBytes(20).toString("hex")}`;
  let front: Front | undefined;
  let gateway: ExecGateway | undefined;
  const listener = await startAccountListener({
    socketPath: options.emulator.socketPath,
    port: options.port,
    credentials: options.credentials,
    answer: (request, body, response) => front?.answer(request, body, response) ?? false,
    open: async (request, response) => {
      if (request.url !== credentialsPath || request.method !== "GET") return false;
      // The path is in the argument list of whoever asks by curl, for others to read.
      if (!(await isOwnProcess(request.socket))) return false;
      sendJson(response, 200, taskCredentials(options.credentials));
      return true;
    },
    upgrade: (request, socket, head) => {
      if (gateway) gateway.handleUpgrade(request, socket, head);
      else socket.destroy();
    },
    onError: (error) => options.logger.error("ecs-front.failed", { error }),
  });
  const endpoint = listener.url;
  const sessions = new ExecGateway({
    ...options.agent,
    url: endpoint.replace(/^http/, "ws"),
    ...(options.faults ? { faults: options.faults } : {}),
  });
  gateway = sessions;
  const runner = new TaskRunner({
    ...options,
    ecsEndpoint: endpoint,
    credentialsPath,
    onChange: (task) => {
      if (task.status === "STOPPED") sessions.endContainer(execContainer(task));
    },
  });
  const started = new Front(options, runner, sessions);
  front = started;
  return {
    endpoint,
    services: () => runner.services(),
    setFaults: (faults) => started.setFaults(faults),
    close: async () => {
      await runner.close();
      sessions.close();
      await listener.close();
    },
  };
}

/** The emulated account knows no roles: every task has the keys of the local stage. */
function taskCredentials({ accessKeyId, secretAccessKey }: Credentials): EcsObject {
  const Expiration = new Date(Date.now() + 3_600_000).toISOString();
  return { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: "local", Expiration };
}

class Front {
  readonly #options: EcsFrontOptions;
  readonly #runner: TaskRunner;
  readonly #gateway: ExecGateway;
  readonly #runTask = new RunTaskRules();
  #refusals: number;

  constructor(options: EcsFrontOptions, runner: TaskRunner, gateway: ExecGateway) {
    this.#options = options;
    this.#runner = runner;
    this.#gateway = gateway;
    this.#refusals = options.faults?.refuse ?? 0;
  }

  setFaults(faults: ExecFaults): void {
    this.#gateway.faults = faults;
    this.#refusals = faults.refuse ?? 0;
  }

  /** @returns false for a call that the emulator is to answer */
  async answer(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<boolean> {
    const [service, operation] = String(request.headers["x-amz-target"] ?? "").split(".");
    try {
      if (service === ECS_TARGET) await this.#ecs(operation ?? "", request, body, response);
      else if (service === "AmazonSSM" && isSessionCall(operation))
        this.#session(operation, parse(body), response);
      else return false;
    } catch (error) {
      if (error instanceof EcsRefusal)
        sendJson(response, 400, { __type: error.type, message: error.message });
      else {
        this.#options.logger.error("ecs-front.failed", { error });
        if (!response.headersSent)
          sendJson(response, 500, { __type: "ServerException", message: "The local stage failed." });
      }
    }
    return true;
  }

  async #ecs(
    operation: string,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const asked = parse(body);
    if (operation === "ExecuteCommand") {
      const session = executeCommand(
        asked,
        this.#runner,
        this.#gateway,
        () => this.#refusals > 0 && this.#refusals-- > 0,
      );
      if (session) {
        sendJson(response, 200, session);
        return;
      }
    }
    const call = () => this.#call(request, body);
    const { ok, status, content } = await (operation === "RunTask"
      ? this.#runTask.apply(asked, call)
      : call());
    if (ok) {
      if (operation === "StopTask")
        this.#runner.stopTask(String(asked.task), String(asked.reason ?? "Task stopped by user"));
      if (!/^(Describe|List)/.test(operation)) this.#runner.nudge();
      if (operation === "ListTasks") layOverTaskList(content, asked, this.#runner);
      layOver(content, this.#runner);
    }
    sendJson(response, status, content);
  }

  async #call(
    { method = "GET", url: path = "/", headers }: IncomingMessage,
    body: Buffer,
  ): Promise<EmulatorAnswer> {
    const { emulator } = this.#options;
    const answered: EmulatorResponse = await callEmulator(emulator, { method, path, headers, body });
    const content = parse(answered.body);
    return { ok: answered.status < 400, status: answered.status, content };
  }

  /** What the client of a session asks of Session Manager, when its endpoint is this one. */
  #session(operation: string, asked: EcsObject, response: ServerResponse): void {
    const id = String(asked.SessionId ?? "");
    if (operation === "TerminateSession") {
      this.#gateway.terminate(id);
      sendJson(response, 200, { SessionId: id });
      return;
    }
    const session = this.#gateway.resume(id);
    // Without a token the session is over.
    sendJson(
      response,
      200,
      session
        ? { SessionId: id, StreamUrl: session.streamUrl, TokenValue: session.tokenValue }
        : { SessionId: id },
    );
  }
}

function isSessionCall(operation: string | undefined): operation is "ResumeSession" | "TerminateSession" {
  return operation === "ResumeSession" || operation === "TerminateSession";
}

function parse(body: Buffer): EcsObject {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString()) as EcsObject;
  } catch {
    throw new EcsRefusal("ClientException", "The request is no JSON.");
  }
}

function sendJson(response: ServerResponse, status: number, content: unknown): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(content));
}
