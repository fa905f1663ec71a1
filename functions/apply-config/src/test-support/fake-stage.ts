import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SNSClient } from "@aws-sdk/client-sns";
import { SSMClient } from "@aws-sdk/client-ssm";
import { createLogger, Deadline } from "@dbward-aws/core";
import { serverEnvironment } from "@dbward-aws/dbward-config";
import { startHttpServer, type TestServer } from "../../../../packages/core/src/test-support/http-server.ts";
import { apply } from "../apply.ts";
import { DeployedServices } from "../deployed-services.ts";
import type { ApplySettings } from "../environment.ts";
import { RunState } from "../run-state.ts";
import { StoredValues } from "../stored-values.ts";

// biome-ignore lint/suspicious/noExplicitAny: the shapes of four APIs would say no more here
type Json = Record<string, any>;

/** A service that ECS has. Times are seconds since an epoch of the test's own. */
export interface FakeService {
  taskDefinition: string;
  deployment: { id: string; at: number; rolloutState: "COMPLETED" | "IN_PROGRESS" | "FAILED" };
  /** When its tasks were created. */
  tasks: number[];
  desiredCount: number;
}

const STATE = "/dbward/test/apply-config";
const ARN = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:";
const PARAMETER = "arn:aws:ssm:eu-west-1:111111111111:parameter";

export const SERVER_TOML = '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n';

/**
 * The calls of ECS, Secrets Manager, SSM and SNS that a run makes, over their protocols on loopback: a server
 * with its configuration in SSM, and two agents whose database URLs are secrets of their own.
 */
export class FakeStage {
  now = 1_000;
  readonly services: Record<string, FakeService> = {};
  /** Versions of parameters, oldest first. */
  readonly parameters: Record<string, { value: string; at: number }[]> = {
    [STATE]: [{ value: "{}", at: 0 }],
  };
  /** Versions of secrets by name. */
  readonly secrets: Record<string, { at: number; labels: string[] }[]> = {};
  /** What was published. */
  readonly published: { subject: string; text: string }[] = [];
  /** Names of services that were updated, in order. */
  readonly updated: string[] = [];
  /** Lines of the log. */
  readonly log: string[] = [];
  /** Operations that fail. */
  readonly failing = new Set<string>();
  /** Called before the state is read. */
  beforeStateRead: () => void | Promise<void> = () => undefined;
  /** Called before a parameter is written. */
  beforePut: () => void = () => undefined;
  /** Called before a service is updated. */
  beforeUpdate: () => void | Promise<void> = () => undefined;
  #server!: TestServer;

  static async start(): Promise<FakeStage> {
    const stage = new FakeStage();
    stage.#server = await startHttpServer(async ({ headers, text }, response) => {
      const target = headers["x-amz-target"];
      const operation = target ? String(target).split(".").at(-1)! : new URLSearchParams(text).get("Action")!;
      if (stage.failing.has(operation)) {
        response.writeHead(400, { "content-type": "application/x-amz-json-1.1" });
        response.end(JSON.stringify({ __type: "AccessDeniedException", message: "no" }));
      } else if (operation === "Publish") {
        const form = new URLSearchParams(text);
        stage.published.push({ subject: form.get("Subject")!, text: form.get("Message")! });
        response.writeHead(200, { "content-type": "text/xml" });
        response.end(
          "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>",
        );
      } else {
        const request = JSON.parse(text) as Json;
        if (operation === "GetParameter" && request.Name === STATE) await stage.beforeStateRead();
        if (operation === "UpdateService") await stage.beforeUpdate();
        const answer = stage.#answer(operation, request);
        response.writeHead(answer.__type ? 400 : 200, { "content-type": "application/x-amz-json-1.1" });
        response.end(JSON.stringify(answer));
      }
    });
    for (const name of ["server", "agent-app", "agent-reports"]) stage.#addService(name);
    stage.putParameter("/dbward/server", SERVER_TOML);
    for (const name of ["app-token", "app-url", "reports-token", "reports-url", "slack"])
      stage.putSecret(name);
    stage.now = 2_000;
    return stage;
  }

  /** One run. */
  async run(settings: Partial<ApplySettings> = {}): Promise<void> {
    const client = {
      endpoint: this.#server.url,
      region: "eu-west-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      maxAttempts: 1,
    };
    const all: ApplySettings = {
      stage: "test",
      cluster: "dbward-test",
      services: [
        { name: "server" },
        { name: "agent-app", agent: "app" },
        { name: "agent-reports", agent: "reports" },
      ],
      configuration: true,
      secrets: "agents",
      stateParameter: STATE,
      topic: "arn:aws:sns:eu-west-1:111111111111:dbward-test-alarms",
      ...settings,
    };
    const ecs = new ECSClient(client);
    const logger = createLogger((line) => this.log.push(line));
    const ssm = new SSMClient(client);
    this.now += 10;
    await apply(
      {
        settings: all,
        ecs,
        ssm,
        sns: new SNSClient(client),
        services: new DeployedServices(ecs, all),
        values: new StoredValues(new SecretsManagerClient(client), ssm, logger),
        state: new RunState(ssm, STATE),
        logger,
        now: () => new Date(this.now * 1000),
      },
      Deadline.after(60_000),
    );
  }

  /** The state as it is stored. */
  get state(): Json {
    return JSON.parse(this.parameters[STATE]!.at(-1)!.value);
  }

  /** How often the state was written. */
  get writes(): number {
    return this.parameters[STATE]!.length - 1;
  }

  putParameter(name: string, value: string): void {
    this.now += 10;
    this.parameters[name] = [...(this.parameters[name] ?? []), { value, at: this.now }];
  }

  putSecret(name: string): void {
    this.now += 10;
    const former = this.secrets[name] ?? [];
    for (const version of former) version.labels = version.labels.filter((label) => label !== "AWSCURRENT");
    this.secrets[name] = [...former, { at: this.now, labels: ["AWSCURRENT"] }];
  }

  /** Ends the deployment of a service. */
  finish(name: string, how: "completed" | "failed" | "rolled back" = "completed"): void {
    this.now += 10;
    const service = this.services[name]!;
    const { at } = service.deployment;
    service.deployment.rolloutState = how === "failed" ? "FAILED" : "COMPLETED";
    if (how === "failed") service.tasks = [];
    // The tasks from before are still there, whatever the deployment is called.
    if (how === "completed") service.tasks = service.tasks.filter((created) => created >= at);
    if (how === "rolled back") service.tasks = service.tasks.filter((created) => created < at);
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #addService(name: string): void {
    this.services[name] = {
      taskDefinition: name,
      deployment: { id: `${name}/1`, at: 1_500, rolloutState: "COMPLETED" },
      tasks: [1_510],
      desiredCount: 1,
    };
  }

  #container(name: string): Json {
    const secret = (variable: string, id: string) => ({ name: variable, valueFrom: `${ARN}${id}-AbCdEf` });
    if (name === "server")
      return {
        name: "server",
        stopTimeout: 120,
        environment: Object.entries({
          RUST_LOG: "info",
          ...serverEnvironment({ source: "ssm", parameter: "" }, { backend: "local" }),
        }).map(([variable, value]) => ({ name: variable, value })),
        secrets: [
          { name: "DBWARD_CONFIG_TOML", valueFrom: `${PARAMETER}/dbward/server` },
          { name: "SLACK", valueFrom: `${ARN}slack-AbCdEf:token::` },
        ],
      };
    const agent = name.slice("agent-".length);
    return {
      name: "agent",
      stopTimeout: 90,
      environment: [{ name: "RUST_LOG", value: "info" }],
      secrets: [
        secret("DATABASE_URL", `${agent}-url`),
        { name: "PINNED", valueFrom: `${ARN}${agent}-pinned-AbCdEf:::11111111-2222` },
        secret("DBWARD_AGENT_TOKEN", `${agent}-token`),
      ],
    };
  }

  #describeService(name: string): Json {
    const { taskDefinition, deployment, tasks, desiredCount } = this.services[name]!;
    const { id, at, rolloutState } = deployment;
    return {
      serviceName: name,
      status: "ACTIVE",
      desiredCount,
      runningCount: tasks.length,
      deployments: [{ id, status: "PRIMARY", taskDefinition, createdAt: at, rolloutState }],
    };
  }

  #answer(operation: string, input: Json): Json {
    switch (operation) {
      case "DescribeServices":
        return {
          services: input.services
            .filter((name: string) => this.services[name])
            .map((name: string) => this.#describeService(name)),
        };
      case "DescribeTaskDefinition":
        return {
          taskDefinition: {
            containerDefinitions: [{ name: "other" }, this.#container(input.taskDefinition)],
          },
        };
      case "ListTasks":
        return {
          taskArns: this.services[input.serviceName]!.tasks.map((at) => `${input.serviceName}@${at}`),
        };
      case "DescribeTasks":
        return { tasks: input.tasks.map((arn: string) => ({ createdAt: Number(arn.split("@")[1]) })) };
      case "UpdateService":
        return this.#update(input);
      case "ListSecretVersionIds": {
        const versions = this.secrets[input.SecretId.slice(ARN.length, -"-AbCdEf".length)];
        if (!versions) return { __type: "ResourceNotFoundException" };
        return {
          Versions: versions
            .filter(({ labels }) => labels.length > 0)
            .map(({ at, labels }) => ({ VersionId: String(at), VersionStages: labels, CreatedDate: at })),
        };
      }
      case "GetParameter":
        return this.#getParameter(input);
      case "GetParameterHistory":
        return {
          Parameters: this.parameters[input.Name]!.map(({ value, at }, index) => ({
            Name: input.Name,
            Version: index + 1,
            LastModifiedDate: at,
            Value: value,
          })),
        };
      case "PutParameter": {
        this.beforePut();
        this.parameters[input.Name]!.push({ value: input.Value, at: this.now });
        return { Version: this.parameters[input.Name]!.length };
      }
      default:
        return { __type: "InvalidAction" };
    }
  }

  #getParameter({ Name, WithDecryption }: Json): Json {
    const name = Name.startsWith(PARAMETER) ? Name.slice(PARAMETER.length) : Name;
    const versions = this.parameters[name];
    const last = versions?.at(-1);
    if (!versions || !last) return { __type: "ParameterNotFound" };
    return {
      Parameter: {
        Name: name,
        Version: versions.length,
        LastModifiedDate: last.at,
        Value: WithDecryption || name === STATE ? last.value : "encrypted",
      },
    };
  }

  #update({ service: name, forceNewDeployment }: Json): Json {
    if (forceNewDeployment !== true) return { __type: "InvalidParameterException" };
    this.now += 10;
    this.updated.push(name);
    const service = this.services[name]!;
    service.deployment = { id: `${name}/${this.now}`, at: this.now, rolloutState: "IN_PROGRESS" };
    // The server's task ends before the next one starts; an agent's ends after it.
    service.tasks = [...(name === "server" ? [] : service.tasks), this.now + 1];
    return { service: this.#describeService(name) };
  }
}
