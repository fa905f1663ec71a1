import http from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** Parsed JSON, whose shape the test knows. */
// biome-ignore lint/suspicious/noExplicitAny: the shapes of three APIs would say no more here
export type Json = Record<string, any>;

/** One call of an AWS API, as it came over the wire. */
export interface AwsCall {
  /** `GetSecretValue`, `DescribeServices`, `PutMetricData`. */
  readonly operation: string;
  readonly input: Readonly<Json>;
}

/** What an operation answers with: a body, or `undefined` for no answer at all. */
export type AwsAnswer = { readonly status?: number; readonly body: object } | undefined;

/** A peer that speaks AWS's JSON protocols on loopback. */
export class FakeAws {
  readonly calls: AwsCall[] = [];
  /** Answers by operation; a test puts its own in. */
  readonly answers: Record<string, (input: AwsCall["input"]) => AwsAnswer>;
  readonly #server: http.Server;

  private constructor(answers: FakeAws["answers"]) {
    this.answers = answers;
    this.#server = http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const raw = Buffer.concat(chunks);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
      const operation = String(request.headers["x-amz-target"]).split(".").at(-1)!;
      const input = JSON.parse(body.toString("utf8"));
      this.calls.push({ operation, input });
      const answer = this.answers[operation]?.(input);
      if (answer)
        response
          .writeHead(answer.status ?? 200, { "content-type": request.headers["content-type"]! })
          .end(JSON.stringify(answer.body));
    });
  }

  static async start(answers: FakeAws["answers"]): Promise<FakeAws> {
    const aws = new FakeAws(answers);
    await new Promise<void>((resolve) => aws.#server.listen(0, "127.0.0.1", resolve));
    return aws;
  }

  /** Configuration of a client that talks to it. */
  get client() {
    return {
      endpoint: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      region: "eu-west-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      maxAttempts: 1,
    };
  }

  /** Calls of one operation, in order. */
  of(operation: string): AwsCall["input"][] {
    return this.calls.filter((call) => call.operation === operation).map(({ input }) => input);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
