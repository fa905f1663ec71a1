import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import { InvokeCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import {
  CAPTURE_RESOURCE_TYPE,
  type CaptureProperties,
  METRICS_ROLE,
  METRICS_USER,
  SERVER,
} from "@dbward-aws/contract";
import type { Account } from "./account.ts";

/** The custom resource's answer to CloudFormation. */
export interface CaptureAnswer {
  readonly Status: "SUCCESS" | "FAILED";
  readonly Reason?: string;
  readonly PhysicalResourceId: string;
  readonly RequestId: string;
  readonly Data?: Readonly<Record<string, string>>;
}

/**
 * Calls the deployed capture function as CloudFormation does: with an event that names where the answer is to
 * go.
 */
export class CaptureFunction {
  readonly #account: Account;
  readonly #server: Server;
  readonly #functionName: string;
  readonly #physicalId: string;
  readonly #stackId: string;
  readonly #answers = new Map<string, CaptureAnswer>();

  private constructor(account: Account, server: Server, found: { name: string; id: string; stack: string }) {
    this.#account = account;
    this.#server = server;
    this.#functionName = found.name;
    this.#physicalId = found.id;
    this.#stackId = found.stack;
    server.on("request", (request, response) => {
      void this.#take(request).finally(() => response.end());
    });
  }

  static async find(account: Account): Promise<CaptureFunction> {
    const { StackResources = [] } = await account.cloudFormation.send(
      new DescribeStackResourcesCommand({ StackName: account.names.stack("Server") }),
    );
    const resource = StackResources.find(({ ResourceType }) => ResourceType === CAPTURE_RESOURCE_TYPE);
    const fn = StackResources.find(
      ({ ResourceType, LogicalResourceId = "" }) =>
        ResourceType === "AWS::Lambda::Function" && LogicalResourceId.startsWith("TokenCaptureFunction"),
    );
    if (!resource?.PhysicalResourceId || !fn?.PhysicalResourceId)
      throw new Error("The Server stack has no token capture.");
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new CaptureFunction(account, server, {
      name: fn.PhysicalResourceId,
      id: resource.PhysicalResourceId,
      stack: resource.StackId ?? "",
    });
  }

  /**
   * Sends an Update in which nothing has changed, and returns the answer. The same request id is the same
   * event again.
   */
  async update(requestId: string = randomUUID()): Promise<CaptureAnswer> {
    const { port } = this.#server.address() as AddressInfo;
    const path = `/${randomUUID()}`;
    const properties = await this.#properties();
    const { FunctionError, Payload } = await this.#account.lambda.send(
      new InvokeCommand({
        FunctionName: this.#functionName,
        Payload: JSON.stringify({
          RequestType: "Update",
          RequestId: requestId,
          ResponseURL: `http://127.0.0.1:${port}${path}`,
          StackId: this.#stackId,
          ResourceType: CAPTURE_RESOURCE_TYPE,
          LogicalResourceId: "TokenCaptureResource",
          PhysicalResourceId: this.#physicalId,
          ResourceProperties: properties,
          OldResourceProperties: properties,
        }),
      }),
    );
    if (FunctionError) throw new Error(`${FunctionError}: ${Buffer.from(Payload ?? []).toString()}`);
    const answer = this.#answers.get(path);
    if (!answer) throw new Error("The function ended without an answer.");
    return answer;
  }

  /** Sets how long a run may take; its own deadline is 45 seconds earlier. */
  async setTimeout(seconds: number): Promise<void> {
    await this.#account.lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName: this.#functionName, Timeout: seconds }),
    );
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request: IncomingMessage): Promise<void> {
    if (request.method !== "PUT" || request.headers["content-type"]) return; // the URL's signature covers neither
    this.#answers.set(request.url ?? "", JSON.parse(await text(request)));
  }

  async #properties(): Promise<CaptureProperties> {
    const { names } = this.#account;
    const service = await this.#account.service(names.serverService);
    const arn = (name: string) => this.#account.secretArn(name);
    return {
      Cluster: service.clusterArn!,
      Service: names.serverService,
      Container: SERVER.container,
      TaskDefinition: service.taskDefinition!,
      StateDirectory: SERVER.stateDirectory,
      Port: String(SERVER.port),
      LogGroup: names.logGroup(names.serverService),
      Method: "exec",
      AdminTokenSecret: await arn(names.adminTokenSecret),
      AgentTokens: [
        {
          Agent: "app",
          Secret: await arn(names.agentTokenSecret({ name: "app", token: "bootstrap" })),
          Source: "bootstrap",
        },
        {
          Agent: "reports",
          Secret: await arn(names.agentTokenSecret({ name: "reports" })),
          Source: "minted",
        },
      ],
      MetricsTokenSecret: await arn(names.metricsTokenSecret),
      MetricsUser: METRICS_USER,
      MetricsRole: METRICS_ROLE,
      AllowSessionLogging: "false",
    };
  }
}
