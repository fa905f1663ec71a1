import { startHttpServer, type TestServer } from "../../../../packages/core/src/test-support/http-server.ts";

/** Parsed JSON, whose shape the test knows. */
// biome-ignore lint/suspicious/noExplicitAny: the shapes of three APIs would say no more here
export type Json = Record<string, any>;

/** One call of an AWS API, as it was received. */
export interface AwsCall {
  /** `GetSecretValue`, `DescribeServices`, `PutMetricData`. */
  readonly operation: string;
  readonly input: Readonly<Json>;
}

/** The answer of an operation: a body, or `undefined` for no answer at all. */
export type AwsAnswer = { readonly status?: number; readonly body: object } | undefined;

/** A peer that speaks AWS's JSON protocols on loopback. */
export class FakeAws {
  readonly calls: AwsCall[];
  /** Answers by operation; a test can replace them. */
  readonly answers: Record<string, (input: AwsCall["input"]) => AwsAnswer>;
  readonly #server: TestServer;

  private constructor(answers: FakeAws["answers"], calls: AwsCall[], server: TestServer) {
    this.answers = answers;
    this.calls = calls;
    this.#server = server;
  }

  static async start(answers: FakeAws["answers"]): Promise<FakeAws> {
    const calls: AwsCall[] = [];
    const server = await startHttpServer(({ headers, text }, response) => {
      const operation = String(headers["x-amz-target"]).split(".").at(-1)!;
      const input = JSON.parse(text);
      calls.push({ operation, input });
      const answer = answers[operation]?.(input);
      if (answer)
        response
          .writeHead(answer.status ?? 200, { "content-type": headers["content-type"]! })
          .end(JSON.stringify(answer.body));
    });
    return new FakeAws(answers, calls, server);
  }

  /** Configuration of a client that talks to it. */
  get client() {
    return {
      endpoint: this.#server.url,
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
    return this.#server.close();
  }
}
