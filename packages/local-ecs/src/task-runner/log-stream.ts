import {
  type CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  type InputLogEvent,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { redact } from "@dbward-aws/core";
import { TaskStartFailed } from "./errors.ts";
import type { ContainerDefinition } from "./task-definition.ts";

/**
 * A container's output on its way to CloudWatch Logs, as the awslogs driver sends it. What looks like a token
 * is masked: on AWS the account protects the logs, here they are files of a developer's machine.
 */
export class LogStream {
  readonly #client: Pick<CloudWatchLogsClient, "send">;
  readonly #group: string;
  readonly #name: string;
  readonly #onError: (error: unknown) => void;
  #waiting: InputLogEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  private constructor(
    client: Pick<CloudWatchLogsClient, "send">,
    group: string,
    name: string,
    onError: (error: unknown) => void,
  ) {
    this.#client = client;
    this.#group = group;
    this.#name = name;
    this.#onError = onError;
  }

  /**
   * @param taskId last part of the task's ARN; part of the stream's name
   * @param onError called when output couldn't be sent; the stream goes on
   * @returns `undefined` when the container doesn't log by awslogs
   * @throws TaskStartFailed when the log group doesn't exist, as on AWS
   */
  static async open(
    client: Pick<CloudWatchLogsClient, "send">,
    container: ContainerDefinition,
    taskId: string,
    onError: (error: unknown) => void,
  ): Promise<LogStream | undefined> {
    const { logDriver, options = {} } = container.logConfiguration ?? {};
    const logGroupName = options["awslogs-group"];
    if (logDriver !== "awslogs" || !logGroupName) return undefined;
    const logStreamName = [options["awslogs-stream-prefix"], container.name, taskId]
      .filter(Boolean)
      .join("/");
    try {
      if (options["awslogs-create-group"] === "true")
        await ignoreExisting(client.send(new CreateLogGroupCommand({ logGroupName })));
      await ignoreExisting(client.send(new CreateLogStreamCommand({ logGroupName, logStreamName })));
    } catch (error) {
      throw new TaskStartFailed(
        `ResourceInitializationError: failed to validate logger args: create stream ${logStreamName} in ${logGroupName}: ${(error as Error).message}`,
      );
    }
    return new LogStream(client, logGroupName, logStreamName, onError);
  }

  write(line: string): void {
    this.#waiting.push({ timestamp: Date.now(), message: redact(line.slice(0, LONGEST_LINE)) || " " });
    if (this.#waiting.length >= LARGEST_BATCH) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS);
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    this.#flush();
    await this.#sending;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const logEvents = this.#waiting;
    if (logEvents.length === 0) return;
    this.#waiting = [];
    const command = new PutLogEventsCommand({
      logGroupName: this.#group,
      logStreamName: this.#name,
      logEvents,
    });
    this.#sending = this.#sending.then(async () => {
      await this.#client.send(command).catch(this.#onError);
    });
  }
}

const FLUSH_INTERVAL_MS = 200;
/** Together below the limit of one call, 1 MiB. */
const LARGEST_BATCH = 100;
const LONGEST_LINE = 8_192;

async function ignoreExisting(call: Promise<unknown>): Promise<void> {
  await call.catch((error: Error) => {
    if (error.name !== "ResourceAlreadyExistsException") throw error;
  });
}
