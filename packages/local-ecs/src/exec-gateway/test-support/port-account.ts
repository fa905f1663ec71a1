import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SSMClient } from "@aws-sdk/client-ssm";
import { PortForwarder } from "@dbward-aws/ecs-exec/port";
import { ExecGateway, type ExecGatewayOptions } from "../exec-gateway.ts";

/** The container of {@link PortAccount}. */
export const CONTAINER = { cluster: "test", task: "0123456789abcdef0123456789abcdef", container: "server" };

const ARN = "arn:aws:ecs:eu-central-1:000000000000:";
/** What `DescribeTasks` answers. */
export const TASK = {
  taskArn: `${ARN}task/test/${CONTAINER.task}`,
  clusterArn: `${ARN}cluster/test`,
  lastStatus: "RUNNING",
  enableExecuteCommand: true,
  containers: [
    {
      name: CONTAINER.container,
      runtimeId: `${CONTAINER.task}-0123456789`,
      managedAgents: [{ name: "ExecuteCommandAgent", lastStatus: "RUNNING" }],
    },
  ],
};
const SAME = { translate: (address: string) => address };

/**
 * The calls of ECS and Session Manager that a port needs, the gateway behind them, and programs to connect
 * to.
 */
export class PortAccount {
  readonly gateway: ExecGateway;
  readonly ports: PortForwarder;
  readonly ecs: ECSClient;
  readonly ssm: SSMClient;
  /** Of both APIs. */
  readonly endpoint: string;
  /** What clients did against the rules. */
  readonly violations: string[] = [];
  /** Calls in the order in which they came. */
  readonly calls: string[] = [];
  /** Names of what the client has logged. */
  readonly log: string[] = [];
  /** Input of the last call of StartSession. */
  started: Record<string, unknown> = {};
  /** Answers a call instead of the gateway: an AWS error's name. */
  refuse: (operation: string) => string | undefined = () => undefined;
  /** Answers a call in place of the account's own answer. */
  answer: (operation: string) => object | undefined = () => undefined;
  readonly #http: HttpServer;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #sessions = 0;

  private constructor(http: HttpServer, options: Partial<ExecGatewayOptions>) {
    this.#http = http;
    const address = `127.0.0.1:${(http.address() as AddressInfo).port}`;
    this.gateway = new ExecGateway({
      outputPauseMs: 0,
      ...options,
      url: `ws://${address}`,
      onViolation: (what) => this.violations.push(what),
    });
    this.endpoint = `http://${address}`;
    const account = {
      endpoint: this.endpoint,
      region: "eu-central-1",
      credentials: { accessKeyId: "id", secretAccessKey: "key" },
      maxAttempts: 1,
    };
    this.ecs = new ECSClient(account);
    this.ssm = new SSMClient(account);
    const note = (name: string) => void this.log.push(name);
    this.ports = new PortForwarder({
      ecs: this.ecs,
      ssm: this.ssm,
      logger: { info: note, warn: note, error: note },
    });
    http.on("request", async (request, response) => {
      const input = JSON.parse((await text(request)) || "{}") as Record<string, unknown>;
      const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      this.calls.push(operation);
      const refusal = this.refuse(operation);
      response.writeHead(refusal ? 400 : 200, { "content-type": "application/x-amz-json-1.1" });
      response.end(
        JSON.stringify(
          refusal
            ? { __type: refusal, message: "no" }
            : (this.answer(operation) ?? this.#answer(operation, input)),
        ),
      );
    });
    http.on("upgrade", (request, socket, head) => this.gateway.handleUpgrade(request, socket, head));
  }

  static async start(options: Partial<ExecGatewayOptions> = {}): Promise<PortAccount> {
    const http = createHttpServer();
    await new Promise<void>((resolve) => {
      http.listen(0, "127.0.0.1", resolve);
    });
    return new PortAccount(http, options);
  }

  /** A program that listens. @returns its port */
  async listen(accept: (socket: Socket) => void): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
      accept(socket);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  /** Connections to the programs that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  close(): void {
    this.gateway.close();
    this.#http.closeAllConnections();
    this.#http.close();
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    this.ecs.destroy();
    this.ssm.destroy();
  }

  #answer(operation: string, input: Record<string, unknown>): object {
    const id = String(input.SessionId);
    if (operation === "ListTasks") return { taskArns: [TASK.taskArn] };
    if (operation === "DescribeTasks") return { tasks: [TASK] };
    if (operation === "TerminateSession") this.gateway.terminate(id);
    if (operation === "StartSession") {
      this.started = input;
      const { portNumber, host } = input.Parameters as { portNumber: string[]; host?: string[] };
      const session = this.gateway.startPort({
        // An agent has two sessions at a time; the tests want more.
        container: `container-${this.#sessions++}`,
        owner: "tester",
        port: Number(portNumber[0]),
        ...(host ? { host: host[0]! } : {}),
        view: SAME,
      });
      return { SessionId: session.sessionId, StreamUrl: session.streamUrl, TokenValue: session.tokenValue };
    }
    const resumed = operation === "ResumeSession" ? this.gateway.resume(id) : undefined;
    return resumed
      ? { SessionId: id, StreamUrl: resumed.streamUrl, TokenValue: resumed.tokenValue }
      : { SessionId: id };
  }
}
