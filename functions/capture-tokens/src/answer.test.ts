import { Deadline } from "@dbward-aws/core";
import type { CloudFormationCustomResourceEvent } from "aws-lambda";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  startHttpServer,
  type TestRequest,
  type TestServer,
} from "../../../packages/core/src/test-support/http-server.ts";
import { answer } from "./answer.ts";
import { answerBody, physicalResourceId, respond } from "./respond.ts";
import { SECRET, Stage } from "./test-support/stage.ts";

const CANARY = "X-Amz-Signature=canary0123456789";

/** CloudFormation's end of a ResponseURL. */
class ResponseBucket {
  /** Statuses of the next answers; then 200. */
  statuses: number[] = [];
  #server!: TestServer;

  static async open(): Promise<ResponseBucket> {
    const bucket = new ResponseBucket();
    bucket.#server = await startHttpServer((_request, response) => {
      const status = bucket.statuses.shift() ?? 200;
      response.writeHead(status, status === 302 ? { location: bucket.url } : {}).end();
    });
    return bucket;
  }

  get url(): string {
    return `${this.#server.url}/answer%2Fhere?${CANARY}`;
  }

  get answers(): readonly TestRequest[] {
    return this.#server.requests;
  }

  get last(): Record<string, unknown> {
    return JSON.parse(this.answers.at(-1)!.text) as Record<string, unknown>;
  }

  close(): Promise<void> {
    return this.#server.close();
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
const soon = () => Deadline.after(100_000);
const success = { Status: "SUCCESS", Data: { Warnings: "ünïcode ✓" } } as const;

describe("respond", () => {
  it("sends the answer to the URL, with its length in bytes and without a content type", async () => {
    await respond(request(), success, soon());
    const got = bucket.answers[0]!;
    expect(got.method).toBe("PUT");
    expect(got.url).toBe(`/answer%2Fhere?${CANARY}`);
    expect(got.headers["content-length"]).toBe(String(Buffer.byteLength(got.text)));
    expect(Buffer.byteLength(got.text)).toBeGreaterThan(got.text.length);
    expect(got.headers["content-type"]).toBeUndefined();
    expect(bucket.last).toMatchObject({ Status: "SUCCESS", RequestId: "request-1", Data: success.Data });
  });

  it("tries again after an error, and follows no redirect", async () => {
    bucket.statuses = [500, 302, 503];
    await respond(request(), success, soon(), 1);
    expect(bucket.answers).toHaveLength(4);
  });

  it("fails with an error that does not contain the URL", async () => {
    bucket.statuses = Array<number>(9).fill(403);
    const failed = respond(request(), success, soon(), 1);
    await expect(failed).rejects.toThrow("failed 5 times: HTTP 403");
    const unreachable = respond(
      { ...request(), ResponseURL: `http://127.0.0.1:1/?${CANARY}` },
      success,
      soon(),
      1,
    );
    await expect(unreachable).rejects.toThrow(/times: ECONNREFUSED|times: TypeError/);
    await expect(unreachable).rejects.not.toThrow("canary");
  });
});

describe("answerBody", () => {
  it("shortens a reason in its middle to CloudFormation's limit", () => {
    const Reason = `begin ${'ü"\n'.repeat(4_000)} end`;
    const body = answerBody(request(), { Status: "FAILED", Reason });
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4096);
    expect(JSON.parse(body).Reason).toMatch(/^begin .* … .* end$/s);
  });

  it("fails with a reason when the data is too long", () => {
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
  it("is the same for a repeated Create, and stays the same in an Update", () => {
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

  it("reports versions, and no tokens", async () => {
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
    const told = [bucket.answers.at(-1)!.text, ...stage.log].join("\n");
    for (const token of stage.server.allTokens()) expect(told).not.toContain(token.slice(4));
    expect(told).not.toContain("canary");
  });

  it("reports why it failed, and logs an event that an alarm can count", async () => {
    stage.server.removeFile("agent-token");
    await answer(event("Create"), stage.tools(), soon());
    expect(bucket.last).toMatchObject({
      Status: "FAILED",
      Reason: expect.stringContaining("--force-bootstrap"),
      PhysicalResourceId: expect.stringMatching(/^dbward-tokens-/),
    });
    expect(stage.log.map((line) => JSON.parse(line).event)).toContain("capture.failed");
  });

  it("reports a failed Create, and the Delete of the rollback succeeds without any call", async () => {
    stage.aws.tasks = [];
    await answer(event("Create"), stage.tools({ deadline: Deadline.after(50) }), soon());
    expect(bucket.last.Status).toBe("FAILED");
    // An account of its own: a read of the failed Create may still be on its way.
    const after = await Stage.start();
    await answer(event("Delete"), after.tools(), soon());
    after.close();
    expect(bucket.last).toMatchObject({ Status: "SUCCESS", PhysicalResourceId: "as-it-was" });
    expect(after.aws.operations).toEqual([]);
    expect(Object.values(SECRET).map((arn) => stage.aws.valueOf(arn))).toEqual(Array(4).fill(undefined));
  });

  it("deletes a resource whose creation failed, whatever its properties are", async () => {
    const tools = stage.tools();
    stage.close();
    await answer(event("Delete", {}), tools, soon());
    expect(bucket.last.Status).toBe("SUCCESS");
  });

  it("answers an event that is not valid", async () => {
    await answer(event("Create", { Cluster: 7 }), stage.tools(), soon());
    expect(bucket.last).toMatchObject({
      Status: "FAILED",
      Reason: expect.stringContaining("capture-bad-request"),
    });
  });
});
