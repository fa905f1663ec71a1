import type { ServerResponse } from "node:http";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  startHttpServer,
  type TestRequest,
  type TestServer,
} from "../../../../packages/core/src/test-support/http-server.ts";
import { signatureProblem } from "./signature.ts";

type Json = Record<string, unknown>;

/** An error answer with `__type` and message, as in the JSON protocol. */
export class AwsFault {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  constructor(type: string, message: string, status = 400) {
    this.type = type;
    this.message = message;
    this.status = status;
  }
}

interface PeerSecret {
  current: string | undefined;
  readonly versions: Map<string, string>;
}

/** Credentials of every client, and of the one-off task. */
export const CREDENTIALS = {
  accessKeyId: "AKIDPEER",
  secretAccessKey: "peer/secret+key=",
  sessionToken: "peer+session/token==",
};
const REGION = "eu-central-1";

/**
 * The calls of ECS, Secrets Manager and CloudWatch Logs that a capture makes, over the AWS JSON 1.1 protocol.
 * Signatures are checked.
 */
export class AwsPeer {
  readonly secrets = new Map<string, PeerSecret>();
  tasks: Json[] = [];
  /** The service as DescribeServices shows it; its tasks are those that one of its deployments started. */
  service: Json = {};
  readonly logs = new Map<string, string[]>();
  sessionLogging: string | undefined = "NONE";
  serviceExists = true;
  /** Names of the requested operations, in order. */
  readonly operations: string[] = [];
  /** Everything that was sent, so that a test can search it for secrets. */
  received = "";
  /** Called before each operation; what it returns is the answer instead. */
  fault: (operation: string, input: Json) => AwsFault | undefined | Promise<AwsFault | undefined> = () =>
    undefined;
  /** Starts a one-off task: takes the input of RunTask. */
  runTask: (input: Json) => Promise<Json> = async () => ({ tasks: [], failures: [{ reason: "no runner" }] });
  #server!: TestServer;

  static async start(): Promise<AwsPeer> {
    const peer = new AwsPeer();
    peer.#server = await startHttpServer((request, response) => peer.#serve(request, response));
    return peer;
  }

  get endpoint(): string {
    return this.#server.url;
  }

  get clientConfig() {
    return { endpoint: this.endpoint, region: REGION, credentials: CREDENTIALS, retryMode: "standard" };
  }

  ecs(): ECSClient {
    return new ECSClient(this.clientConfig);
  }

  secretsManager(): SecretsManagerClient {
    return new SecretsManagerClient(this.clientConfig);
  }

  addSecret(arn: string, value?: string): void {
    const versions = new Map(value === undefined ? [] : [["v0", value]]);
    this.secrets.set(arn, { current: value === undefined ? undefined : "v0", versions });
  }

  /** Current value of a secret. */
  valueOf(arn: string): string | undefined {
    const secret = this.secrets.get(arn);
    return secret?.current === undefined ? undefined : secret.versions.get(secret.current);
  }

  count(operation: string): number {
    return this.operations.filter((name) => name === operation).length;
  }

  close(): void {
    void this.#server.close();
  }

  async #serve(request: TestRequest, response: ServerResponse): Promise<void> {
    const { text } = request;
    this.received += text;
    const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
    this.operations.push(operation);
    const input = JSON.parse(text || "{}") as Json;
    const problem = signatureProblem(request, text, CREDENTIALS);
    const answer = problem
      ? new AwsFault("InvalidSignatureException", problem, 403)
      : ((await this.fault(operation, input)) ?? (await this.#answer(operation, input)));
    const failed = answer instanceof AwsFault;
    response.writeHead(failed ? answer.status : 200, { "content-type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify(failed ? { __type: answer.type, message: answer.message } : answer));
  }

  async #answer(operation: string, input: Json): Promise<Json | AwsFault> {
    switch (operation) {
      case "GetSecretValue":
        return this.#getSecretValue(String(input.SecretId));
      case "PutSecretValue":
        return this.#putSecretValue(input);
      case "DescribeClusters": {
        const logging = this.sessionLogging;
        return { clusters: [logging ? { configuration: { executeCommandConfiguration: { logging } } } : {}] };
      }
      case "DescribeServices":
        return this.serviceExists
          ? { services: [this.service], failures: [] }
          : { services: [], failures: [{ arn: String(input.services), reason: "MISSING" }] };
      case "ListTasks":
        return this.#listTasks(input);
      case "DescribeTasks":
        return { tasks: this.tasks.filter(({ taskArn }) => (input.tasks as unknown[]).includes(taskArn)) };
      case "RunTask":
        return this.runTask(input);
      case "DescribeLogStreams":
        return { logStreams: [...this.logs.keys()].map((logStreamName) => ({ logStreamName })) };
      case "GetLogEvents": {
        const lines = this.logs.get(String(input.logStreamName));
        if (!lines)
          return new AwsFault("ResourceNotFoundException", "The specified log stream does not exist.");
        return { events: lines.slice(-Number(input.limit)).map((message) => ({ message })) };
      }
      default:
        return new AwsFault("InvalidAction", operation);
    }
  }

  #getSecretValue(arn: string): Json | AwsFault {
    const SecretString = this.valueOf(arn);
    if (SecretString !== undefined)
      return { ARN: arn, SecretString, VersionId: this.secrets.get(arn)!.current };
    return new AwsFault(
      "ResourceNotFoundException",
      "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    );
  }

  #putSecretValue({ SecretId, SecretString, ClientRequestToken }: Json): Json | AwsFault {
    const secret = this.secrets.get(String(SecretId));
    const version = String(ClientRequestToken);
    if (!secret)
      return new AwsFault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    const known = secret.versions.get(version);
    if (known !== undefined && known !== SecretString) {
      return new AwsFault("ResourceExistsException", `A resource with the ID ${version} already exists.`);
    }
    // An existing version stays as it is, with its labels.
    if (known === undefined) {
      secret.versions.set(version, String(SecretString));
      secret.current = version;
    }
    return { ARN: SecretId, VersionId: version };
  }

  #listTasks({ desiredStatus }: Json): Json | AwsFault {
    if (!this.serviceExists) return new AwsFault("ServiceNotFoundException", "Service not found.");
    const wanted = this.tasks.filter(
      (task) => (task.lastStatus === "STOPPED") === (desiredStatus === "STOPPED"),
    );
    return {
      taskArns: wanted
        .filter(({ startedBy }) => String(startedBy).startsWith("ecs-svc/"))
        .map(({ taskArn }) => taskArn),
    };
  }
}
