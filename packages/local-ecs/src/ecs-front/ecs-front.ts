import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "@dbward-aws/core";
import {
  type AccountListener,
  type Caller,
  type Credentials,
  callEmulator,
  type EmulatorResponse,
  type EmulatorSocket,
  isOwnProcess,
  type Judge,
  jsonText,
  TARGETS,
  type VpcFunction,
} from "@dbward-aws/local-account";
import { z } from "zod";
import { type AgentBehaviour, type ExecFaults, ExecGateway } from "../exec-gateway/index.ts";
import { type ServiceName, type ServiceView, TaskRunner } from "../task-runner/index.ts";
import { EcsRefusal } from "./ecs-refusal.ts";
import { execContainer, executeCommand } from "./execute-command.ts";
import { checkTaskFilters, type EcsObject, layOver, layOverTaskList } from "./overlay.ts";
import { type EmulatorAnswer, RunTaskRules } from "./run-task.ts";
import { startSession } from "./start-session.ts";

export interface EcsFrontOptions {
  /** Of the local stage: everything is written below it. */
  readonly directory: string;
  /** The emulated account, before which it stands. */
  readonly emulator: EmulatorSocket &
    Pick<AccountListener, "setFront"> & { readonly endpoint: string; readonly judge: Judge };
  readonly region: string;
  /** Keys of the administrator. */
  readonly credentials: Credentials;
  /**
   * Loopback port of a service's first container port, where it must be a certain one.
   * @default - free ones
   */
  readonly servicePort?: (service: ServiceName) => Promise<number> | undefined;
  /** Private DNS zone of a service, within which Service Connect works as well. @default - named after its cluster */
  readonly zoneOf?: (service: ServiceName) => string | undefined;
  /** Use the stand-ins although there are real programs. @default false */
  readonly standIn?: boolean;
  /** Faults of ECS Exec sessions; can be changed later. @default - none */
  readonly faults?: ExecFaults;
  /** How the agent behaves. @default - as on ECS */
  readonly agent?: AgentBehaviour;
  readonly logger: Logger;
}

/** The ECS API of the local stage. */
export interface EcsFront {
  /** What is running. */
  services(): ServiceView[];
  /** Variables of a function in the VPC, with the addresses that stand here for those of services. */
  functionVariables(vpcFunction: VpcFunction): Promise<Record<string, string>>;
  /** Sets the faults of ECS Exec sessions that start from now on. */
  setFaults(faults: ExecFaults): void;
  /** Ends all tasks and sessions; the emulator answers alone again. */
  close(): Promise<void>;
}

/**
 * Puts the ECS API of the local stage before the emulated account: the emulated one, with the tasks running
 * for real.
 *
 * Calls go on to the emulator; its answers come back with what is really running in them, and
 * `ExecuteCommand` and Session Manager's calls about sessions are answered here. Beside ECS it answers to
 * tasks that ask for their credentials, under a path that only they know.
 */
export function startEcsFront(options: EcsFrontOptions): EcsFront {
  const { emulator } = options;
  const gateway = new ExecGateway({
    ...options.agent,
    url: emulator.endpoint.replace(/^http/, "ws"),
    ...(options.faults ? { faults: options.faults } : {}),
  });
  const runner = new TaskRunner({
    ...options,
    onChange: (task) => {
      if (task.status === "STOPPED") gateway.endContainer(execContainer(task));
    },
  });
  const front = new Front(options, runner, gateway);
  emulator.setFront({
    answer: (request, body, response, caller) => front.answer(request, body, response, caller),
    open: async (request, response) => {
      const keys = request.method === "GET" ? runner.credentialsAt(request.url ?? "") : undefined;
      if (!keys) return false;
      // A caller that uses curl has the path in its argument list, where other users can read it.
      if (!(await isOwnProcess(request.socket))) return false;
      sendJson(response, 200, taskCredentials(keys));
      return true;
    },
    upgrade: (request, socket, head) => gateway.handleUpgrade(request, socket, head),
  });
  return {
    services: () => runner.services(),
    functionVariables: (vpcFunction) => runner.functionVariables(vpcFunction),
    setFaults: (faults) => front.setFaults(faults),
    close: async () => {
      await runner.close();
      gateway.close();
      emulator.setFront(undefined);
    },
  };
}

function taskCredentials({ accessKeyId, secretAccessKey, sessionToken }: Required<Credentials>): EcsObject {
  const Expiration = new Date(Date.now() + 3_600_000).toISOString();
  return { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration };
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
  async answer(
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
    caller: Caller,
  ): Promise<boolean> {
    const [service, operation] = String(request.headers["x-amz-target"] ?? "").split(".");
    try {
      if (service === TARGETS.ecs) await this.#ecs(operation ?? "", request, body, response);
      else if (service === TARGETS.ssm && isSessionCall(operation))
        await this.#session(operation, parse(body), response, caller);
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
      const session = await executeCommand(asked, this.#runner, this.#gateway, () => this.#isUnreachable());
      if (session) {
        sendJson(response, 200, session);
        return;
      }
    }
    if (operation === "ListTasks") checkTaskFilters(asked);
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

  /** So many calls are answered as if the agent hadn't come up yet. */
  #isUnreachable(): boolean {
    return this.#refusals > 0 && this.#refusals-- > 0;
  }

  async #call(
    { method = "GET", url: path = "/", headers }: IncomingMessage,
    body: Buffer,
  ): Promise<EmulatorAnswer> {
    const { emulator } = this.#options;
    const answered: EmulatorResponse = await callEmulator(emulator, { method, path, headers, body });
    const content = answered.body.length === 0 ? {} : ecsObject.parse(answered.body.toString());
    return { ok: answered.status < 400, status: answered.status, content };
  }

  /** What the client of a session asks of Session Manager, when its endpoint is this one. */
  async #session(
    operation: string,
    asked: EcsObject,
    response: ServerResponse,
    caller: Caller,
  ): Promise<void> {
    if (operation === "StartSession") {
      const started = await startSession(
        asked,
        this.#runner,
        this.#gateway,
        caller.session?.name ?? "administrator",
        () => this.#isUnreachable(),
      );
      const { sessionId: SessionId, streamUrl: StreamUrl, tokenValue: TokenValue } = started;
      sendJson(response, 200, { SessionId, StreamUrl, TokenValue });
      return;
    }
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

function isSessionCall(
  operation: string | undefined,
): operation is "StartSession" | "ResumeSession" | "TerminateSession" {
  return ["StartSession", "ResumeSession", "TerminateSession"].includes(operation ?? "");
}

const ecsObject = jsonText(z.record(z.string(), z.unknown()));

function parse(body: Buffer): EcsObject {
  if (body.length === 0) return {};
  const { data } = ecsObject.safeParse(body.toString());
  if (!data) throw new EcsRefusal("ClientException", "The request is not a JSON object.");
  return data;
}

function sendJson(response: ServerResponse, status: number, content: unknown): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(content));
}
