import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "@dbward-aws/core";
import { type AgentBehaviour, type ExecFaults, ExecGateway } from "../exec-gateway/index.ts";
import { CREDENTIALS_PATH, ECS_TARGET, type ServiceView, TaskRunner } from "../task-runner/index.ts";
import { EcsRefusal } from "./ecs-refusal.ts";
import { execContainer, executeCommand } from "./execute-command.ts";
import { type EcsObject, layOver, layOverTaskList } from "./overlay.ts";
import { type EmulatorAnswer, RunTaskRules } from "./run-task.ts";

export interface EcsFrontOptions {
  /** Of the local stage: everything is written below it. */
  readonly directory: string;
  /** Such as `http://127.0.0.1:4566`. */
  readonly emulatorEndpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
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
 * answered here. Beside ECS it answers to tasks that ask for their credentials, and to
 * `PUT /_local/exec-faults` (an {@link ExecFaults} as JSON) and `GET /_local/services`.
 */
export async function startEcsFront(options: EcsFrontOptions): Promise<EcsFront> {
  const server = createServer();
  const port = await listen(server, options.port);
  const endpoint = `http://127.0.0.1:${port}`;
  const gateway = new ExecGateway({
    ...options.agent,
    url: `ws://127.0.0.1:${port}`,
    ...(options.faults ? { faults: options.faults } : {}),
  });
  const runner = new TaskRunner({
    ...options,
    ecsEndpoint: endpoint,
    onChange: (task) => {
      if (task.status === "STOPPED") gateway.endContainer(execContainer(task));
    },
  });
  const front = new Front(options, runner, gateway);
  server.on("request", (request, response) => void front.answer(request, response));
  server.on("upgrade", (request, socket, head) => gateway.handleUpgrade(request, socket, head));
  return {
    endpoint,
    services: () => runner.services(),
    setFaults: (faults) => front.setFaults(faults),
    close: async () => {
      await runner.close();
      gateway.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
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

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      // A page in a browser can name this address, but not send its requests under this host's name.
      if (!isLoopback(request.headers.host)) throw new EcsRefusal("AccessDeniedException", "Not from here.");
      const body = await readBody(request);
      const [service, operation] = String(request.headers["x-amz-target"] ?? "").split(".");
      if (service === ECS_TARGET) await this.#ecs(operation ?? "", request, body, response);
      else if (service === "AmazonSSM" && isSessionCall(operation))
        this.#session(operation, parse(body), response);
      else if (request.url?.startsWith(CREDENTIALS_PATH)) sendJson(response, 200, this.#credentials());
      else if (request.url?.startsWith("/_local/")) this.#local(request, body, response);
      else await this.#passOn(request, body, response);
    } catch (error) {
      if (error instanceof EcsRefusal) {
        sendJson(response, 400, { __type: error.type, message: error.message });
        return;
      }
      this.#options.logger.error("ecs-front.failed", { error });
      if (!response.headersSent)
        sendJson(response, 500, { __type: "ServerException", message: "The local stage failed." });
    }
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

  async #call(request: IncomingMessage, body: Buffer): Promise<EmulatorAnswer> {
    const answered = await this.#forward(request, body);
    const content = parse(Buffer.from(await answered.arrayBuffer()));
    return { ok: answered.ok, status: answered.status, content };
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

  /** The emulated account knows no roles: every task has the keys of the local stage. */
  #credentials(): EcsObject {
    const { accessKeyId, secretAccessKey } = this.#options.credentials;
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    return { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: "local", Expiration };
  }

  #local({ url, method }: IncomingMessage, body: Buffer, response: ServerResponse): void {
    if (method === "GET" && url === "/_local/services") sendJson(response, 200, this.#runner.services());
    else if (method === "PUT" && url === "/_local/exec-faults") {
      this.setFaults(parse(body));
      sendJson(response, 200, {});
    } else sendJson(response, 404, {});
  }

  async #passOn(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const answered = await this.#forward(request, body);
    const contentType = answered.headers.get("content-type");
    response.writeHead(answered.status, contentType ? { "content-type": contentType } : {});
    response.end(Buffer.from(await answered.arrayBuffer()));
  }

  #forward(request: IncomingMessage, body: Buffer): Promise<Response> {
    const { method = "GET", url = "/" } = request;
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers))
      if (typeof value === "string" && !NOT_PASSED_ON.has(name)) headers.set(name, value);
    const content = method === "GET" || method === "HEAD" ? {} : { body };
    return fetch(`${this.#options.emulatorEndpoint}${url}`, {
      method,
      headers,
      redirect: "manual",
      ...content,
    });
  }
}

/** They belong to one connection. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "transfer-encoding",
]);
const LARGEST_BODY = 16 * 1024 * 1024;

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

function isLoopback(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host ?? "");
}

function isSessionCall(operation: string | undefined): operation is "ResumeSession" | "TerminateSession" {
  return operation === "ResumeSession" || operation === "TerminateSession";
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_BODY) throw new EcsRefusal("ClientException", "The request is too large.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
