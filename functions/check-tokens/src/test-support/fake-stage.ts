import { randomBytes, randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { startHttpServer, type TestServer } from "../../../../packages/core/src/test-support/http-server.ts";

/** Parsed JSON, whose shape the test knows. */
// biome-ignore lint/suspicious/noExplicitAny: the shapes of four APIs would say no more here
export type Json = Record<string, any>;

interface Version {
  readonly value: string;
  readonly createdAt: number;
  readonly labels: Set<string>;
}

interface Token {
  readonly id: string;
  readonly subject: string;
  readonly name: string | undefined;
  isActive: boolean;
  /** A token of the bootstrap, which the server neither lists nor revokes. */
  readonly isBootstrap: boolean;
}

const DAY = 86_400_000;
export const newToken = () => `dbw_${randomBytes(16).toString("hex")}`;

/** A stage on loopback: Secrets Manager, ECS and CloudWatch behind one endpoint, and a dbward server. */
export class FakeStage {
  /** Versions of each secret by their ids. */
  readonly secrets = new Map<string, Map<string, Version>>();
  /** The server's tokens by their values. */
  readonly tokens = new Map<string, Token>();
  /** Rows of `/api/agents`. */
  agents: Json[] = [];
  /** Services of ECS by their names. */
  readonly services = new Map<string, Json>();
  /** How the state of a deployment changes each time that a service is looked up. */
  deploymentState: (deployment: Json) => string = () => "COMPLETED";
  /** Status of `/ready`. */
  ready = 200;
  /** Cuts the run off at a request, which is carried out or not. @default - at none */
  cut: { in: number; readonly afterwards: boolean } | undefined;
  /** AWS operations in order. */
  readonly calls: { readonly operation: string; readonly input: Json }[] = [];
  /** Calls of the server in order. */
  readonly requests: string[] = [];
  #aws!: TestServer;
  #server!: TestServer;

  static async start(): Promise<FakeStage> {
    const stage = new FakeStage();
    stage.#aws = await startHttpServer(({ headers, text }, response) => {
      const operation = String(headers["x-amz-target"]).split(".").at(-1)!;
      const input = JSON.parse(text);
      stage.calls.push({ operation, input });
      const type = { "content-type": headers["content-type"]! };
      stage.#respond(response, () => stage.#answer(operation, input), type);
    });
    stage.#server = await startHttpServer(({ method, url, headers, text }, response) => {
      stage.requests.push(`${method} ${url}`);
      const token = stage.tokens.get(/^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "");
      stage.#respond(response, () => stage.#serve(method, url, text, token));
    });
    return stage;
  }

  /** Answers a request, unless it is the one at which a run is cut off. */
  #respond(
    response: ServerResponse,
    answer: () => Json,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const isCut = this.cut !== undefined && this.cut.in-- === 0;
    if (isCut && !this.cut?.afterwards) {
      response.destroy();
      return;
    }
    const { http = 200, ...body } = answer();
    if (isCut) response.destroy();
    else response.writeHead(http, headers).end(JSON.stringify(body));
  }

  get client() {
    return {
      endpoint: this.#aws.url,
      region: "eu-west-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      maxAttempts: 1,
    };
  }

  get serverUrl(): string {
    return this.#server.url;
  }

  async close(): Promise<void> {
    await Promise.all([this.#aws.close(), this.#server.close()]);
  }

  /** Stores a token that the server accepts. */
  addToken(secret: string, subject: string, ageDays = 0, isBootstrap = false): string {
    const value = newToken();
    this.tokens.set(value, { id: randomUUID(), subject, name: undefined, isActive: true, isBootstrap });
    this.store(secret, value, ageDays);
    return value;
  }

  /** Puts a value into a secret as its only version. */
  store(secret: string, value: string, ageDays = 0): void {
    const createdAt = Date.now() - ageDays * DAY;
    this.secrets.set(
      secret,
      new Map([[randomUUID(), { value, createdAt, labels: new Set(["AWSCURRENT"]) }]]),
    );
  }

  addService(name: string, desiredCount = 1): void {
    const id = `ecs-svc/${randomUUID()}`;
    this.services.set(name, {
      serviceName: name,
      status: "ACTIVE",
      desiredCount,
      runningCount: desiredCount,
      deployments: [{ id, status: "PRIMARY", rolloutState: "COMPLETED" }],
    });
  }

  /** The value with a label. */
  value(secret: string, label = "AWSCURRENT"): string | undefined {
    return [...this.secrets.get(secret)!.values()].find(({ labels }) => labels.has(label))?.value;
  }

  labels(secret: string): string[] {
    return [...this.secrets.get(secret)!.values()].flatMap(({ labels }) => [...labels]).sort();
  }

  of(operation: string): Json[] {
    return this.calls.filter((call) => call.operation === operation).map(({ input }) => input);
  }

  #answer(operation: string, input: Json): Json {
    const versions = this.secrets.get(input.SecretId);
    const move = (label: string, to: string | undefined) => {
      const current = [...versions!].find(([, { labels }]) => labels.has(label));
      current?.[1].labels.delete(label);
      if (label === "AWSCURRENT" && current) {
        for (const { labels } of versions!.values()) labels.delete("AWSPREVIOUS");
        current[1].labels.add("AWSPREVIOUS");
      }
      if (to !== undefined) versions!.get(to)!.labels.add(label);
    };
    switch (operation) {
      case "DescribeSecret":
        return {
          VersionIdsToStages: Object.fromEntries([...versions!].map(([id, { labels }]) => [id, [...labels]])),
        };
      case "GetSecretValue": {
        const { value, createdAt } = versions!.get(input.VersionId)!;
        return { SecretString: value, CreatedDate: createdAt / 1000 };
      }
      case "PutSecretValue": {
        const id = randomUUID();
        versions!.set(id, { value: input.SecretString, createdAt: Date.now(), labels: new Set() });
        for (const label of input.VersionStages) move(label, id);
        return { VersionId: id };
      }
      case "UpdateSecretVersionStage":
        move(input.VersionStage, input.MoveToVersionId);
        return {};
      case "UpdateService": {
        const service = this.services.get(input.service)!;
        const deployment = { id: `ecs-svc/${randomUUID()}`, status: "PRIMARY", rolloutState: "IN_PROGRESS" };
        service.deployments = [deployment];
        return { service };
      }
      case "DescribeServices": {
        const services = (input.services as string[]).flatMap((name) => this.services.get(name) ?? []);
        for (const { deployments } of services)
          for (const deployment of deployments)
            if (deployment.rolloutState === "IN_PROGRESS")
              deployment.rolloutState = this.deploymentState(deployment);
        return { services };
      }
      case "ListTasks":
        return this.services.get(input.serviceName)!.desiredCount === 0
          ? { taskArns: [] }
          : { taskArns: [`arn:aws:ecs:eu-west-1:111111111111:task/dbward-dev/${input.serviceName}`] };
      case "DescribeTasks": {
        const name = String(input.tasks[0]).split("/").at(-1)!;
        const [{ id }] = this.services.get(name)!.deployments;
        return { tasks: [{ lastStatus: "RUNNING", healthStatus: "HEALTHY", startedBy: id }] };
      }
      case "PutMetricData":
        return {};
      default:
        return { http: 400, __type: "UnknownOperationException" };
    }
  }

  #serve(method: string, url: string, text: string, caller: Token | undefined): Json {
    const call = `${method} ${url}`;
    if (call === "GET /ready")
      return { http: this.ready, status: this.ready === 200 ? "ok" : "degraded", checks: {} };
    if (!caller?.isActive) return { http: 401, error: "authentication failed", code: "unauthorized" };
    const isAdmin = caller.subject === "admin";
    if (call === "GET /api/me")
      return isAdmin || caller.subject.startsWith("cloudwatch")
        ? { subject_id: caller.subject }
        : { http: 403, error: "agent tokens cannot access this endpoint", code: "forbidden" };
    if (call === "GET /api/agents") return { agents: this.agents };
    if (!isAdmin) return { http: 403, error: "forbidden", code: "forbidden" };
    const mint = (subject: string, name?: string) => {
      const token = newToken();
      const row = { id: randomUUID(), subject, name, isActive: true, isBootstrap: false };
      this.tokens.set(token, row);
      return { token, id: row.id, subject_id: subject };
    };
    const body = text === "" ? {} : JSON.parse(text);
    if (call === "POST /api/tokens") return { http: 201, ...mint(body.subject_id, body.name) };
    if (call === "GET /api/tokens")
      return {
        tokens: [...this.tokens]
          .filter(([, { isBootstrap }]) => !isBootstrap)
          .map(([value, { id, subject, name, isActive }]) => ({
            id,
            token_prefix: value.slice(4, 12),
            name,
            subject_id: subject,
            status: isActive ? "active" : "revoked",
          })),
      };
    if (call === "GET /api/users")
      return {
        users: [
          ...new Set(
            [...this.tokens.values()].filter(({ isActive }) => isActive).map(({ subject }) => subject),
          ),
        ].map((id) => ({ id })),
      };
    if (call === "POST /api/users") return { http: 201, ...mint(body.id), id: body.id, roles: body.roles };
    const [, kind, id = "", reissues] =
      /^\/api\/(tokens|users)\/([^/]+)(\/reissue-initial-token)?$/.exec(url) ?? [];
    const end = (isMeant: (token: Token) => boolean) => {
      for (const token of this.tokens.values()) if (isMeant(token)) token.isActive = false;
    };
    if (method === "DELETE" && kind === "tokens") {
      end((token) => token.id === id);
      return { id };
    }
    end(({ subject }) => subject === decodeURIComponent(id));
    return reissues ? mint(decodeURIComponent(id)) : { id, deleted: true };
  }
}
