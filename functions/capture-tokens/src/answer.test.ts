import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Deadline } from "@dbward-aws/core";
import type { CloudFormationCustomResourceEvent } from "aws-lambda";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answer } from "./answer.ts";
import { answerBody, physicalResourceId, respond } from "./respond.ts";
import { SECRET, Stage } from "./test-support/stage.ts";

const CANARY = "X-Amz-Signature=canary0123456789";

/** CloudFormation's end of a ResponseURL. */
class ResponseBucket {
  readonly answers: { readonly request: IncomingMessage; readonly body: Buffer }[] = [];
  /** Statuses of the next answers; then 200. */
  statuses: number[] = [];
  readonly #server: Server = createServer((request, response) => void this.#take(request, response));

  static async open(): Promise<ResponseBucket> {
    const bucket = new ResponseBucket();
    bucket.#server.listen(0, "127.0.0.1");
    await once(bucket.#server, "listening");
    return bucket;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/answer%2Fhere?${CANARY}`;
  }

  get last(): Record<string, unknown> {
    return JSON.parse(this.answers.at(-1)!.body.toString()) as Record<string, unknown>;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.answers.push({ request, body: Buffer.concat(chunks) });
    const status = this.statuses.shift() ?? 200;
    response.writeHead(status, status === 302 ? { location: this.url } : {}).end();
  }
}

let bucket: ResponseBucket;
beforeEach(async () => {
  bucket = await ResponseBucket.open();
});
afterEach(() => bucket.close());

const request = () => ({
  StackId: "arn:aws:cloudformation:eu-central-1:111122223333:stack/test-dbward-Server/1",
  RequestId: "request-1",
  LogicalResourceId: "TokenCapture",
  ResponseURL: bucket.url,
});
const soon = () => Deadline.after(5_000);
const success = { Status: "SUCCESS", Data: { Warnings: "ünïcode ✓" } } as const;

describe("respond", () => {
  it("puts the answer by protocol, host, port and path of the URL, its length in bytes, without a content type", async () => {
    await respond(request(), success, soon());
    const { request: got, body } = bucket.answers[0]!;
    expect(got.method).toBe("PUT");
    expect(got.url).toBe(`/answer%2Fhere?${CANARY}`);
    expect(got.headers["content-length"]).toBe(String(body.length));
    expect(body.length).toBeGreaterThan(body.toString().length);
    expect(got.headers["content-type"]).toBeUndefined();
    expect(bucket.last).toMatchObject({ Status: "SUCCESS", RequestId: "request-1", Data: success.Data });
  });

  it("tries again after a refusal, and follows no redirect", async () => {
    bucket.statuses = [500, 302, 503];
    await respond(request(), success, soon(), 1);
    expect(bucket.answers).toHaveLength(4);
  });

  it("gives up with an error that does not hold the URL", async () => {
    bucket.statuses = Array<number>(9).fill(403);
    const failed = respond(request(), success, soon(), 1);
    await expect(failed).rejects.toThrow("in 5 attempts: HTTP 403");
    const unreachable = respond(
      { ...request(), ResponseURL: `http://127.0.0.1:1/?${CANARY}` },
      success,
      soon(),
      1,
    );
    await expect(unreachable).rejects.toThrow(/attempts: ECONNREFUSED|attempts: TypeError/);
    await expect(unreachable).rejects.not.toThrow("canary");
  });
});

describe("answerBody", () => {
  it("cuts a reason in its middle so that CloudFormation takes it", () => {
    const Reason = `begin ${'ü"\n'.repeat(4_000)} end`;
    const body = answerBody(request(), { Status: "FAILED", Reason });
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4096);
    expect(JSON.parse(body).Reason).toMatch(/^begin .* … .* end$/s);
  });

  it("fails with the reason for data that don't fit", () => {
    const Data = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`Version${index}`, "x".repeat(36)]),
    );
    expect(JSON.parse(answerBody(request(), { Status: "SUCCESS", Data }))).toMatchObject({
      Status: "FAILED",
      Reason: expect.stringContaining("fewer agents"),
    });
  });
});

describe("physicalResourceId", () => {
  it("is the same for a doubled Create, and what it was for an Update", () => {
    expect(physicalResourceId(request())).toBe(physicalResourceId({ ...request(), RequestId: "another" }));
    expect(physicalResourceId({ ...request(), PhysicalResourceId: "as-it-was" })).toBe("as-it-was");
  });
});

describe("answer", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.start();
  });
  afterEach(() => stage.close());

  function event(RequestType: "Create" | "Update" | "Delete", properties: object = stage.properties()) {
    return {
      ...request(),
      RequestType,
      ServiceToken: "arn",
      ResourceType: "Custom::DbwardTokenCapture",
      ResourceProperties: { ServiceToken: "arn", ServiceTimeout: "660", ...properties },
      ...(RequestType === "Create" ? {} : { PhysicalResourceId: "as-it-was" }),
      ...(RequestType === "Update" ? { OldResourceProperties: properties } : {}),
    } as CloudFormationCustomResourceEvent;
  }

  it("tells versions and no tokens", async () => {
    await answer(event("Create"), stage.tools(), soon());
    const { Data, Status } = bucket.last;
    expect(Status).toBe("SUCCESS");
    expect(Object.keys(Data as object).sort()).toEqual([
      "AdminTokenVersion",
      "AgentTokenVersion.ecs-agent",
      "AgentTokenVersion.payments",
      "MetricsTokenVersion",
      "Warnings",
    ]);
    const told = [bucket.answers.at(-1)!.body.toString(), ...stage.log].join("\n");
    for (const token of stage.server.allTokens()) expect(told).not.toContain(token.slice(4));
    expect(told).not.toContain("canary");
  });

  it("tells why it failed, and logs an event that an alarm can count", async () => {
    stage.server.removeFile("agent-token");
    await answer(event("Create"), stage.tools(), soon());
    expect(bucket.last).toMatchObject({
      Status: "FAILED",
      Reason: expect.stringContaining("--force-bootstrap"),
      PhysicalResourceId: expect.stringMatching(/^dbward-tokens-/),
    });
    expect(stage.log.map((line) => JSON.parse(line).event)).toContain("capture.failed");
  });

  it("fails with words when a rollback follows a failed Create, and the Delete of it succeeds without a call", async () => {
    stage.aws.tasks = [];
    await answer(event("Create"), stage.tools({ deadline: Deadline.after(50) }), soon());
    expect(bucket.last.Status).toBe("FAILED");
    stage.aws.operations.length = 0;
    await answer(event("Delete"), stage.tools(), soon());
    expect(bucket.last).toMatchObject({ Status: "SUCCESS", PhysicalResourceId: "as-it-was" });
    expect(stage.aws.operations).toEqual([]);
    expect(Object.values(SECRET).map((arn) => stage.aws.valueOf(arn))).toEqual(Array(4).fill(undefined));
  });

  it("deletes what never came up, whatever its properties are", async () => {
    const tools = stage.tools();
    stage.close();
    await answer(event("Delete", {}), tools, soon());
    expect(bucket.last.Status).toBe("SUCCESS");
  });

  it("answers even what makes no sense", async () => {
    await answer(event("Create", { Cluster: 7 }), stage.tools(), soon());
    expect(bucket.last).toMatchObject({
      Status: "FAILED",
      Reason: expect.stringContaining("capture-bad-request"),
    });
  });
});
