import type { IncomingMessage, ServerResponse } from "node:http";
import { describeError, type Listener, startListener } from "@dbward-aws/core";
import { isSame } from "@dbward-aws/local-account";
import type { StageStatus } from "../stage/status.ts";
import type { RunEvents } from "./run-events.ts";

/** What the control server answers with: the progress of the start, and the status. It changes nothing. */
export interface ControlledRun {
  /** What a caller must send as `Authorization: Bearer`. */
  readonly secret: string;
  readonly events: RunEvents;
  /**
   * @param stage `undefined` for the account's first one
   * @returns `undefined` while there is no account to ask
   */
  readonly status: (stage: string | undefined) => Promise<StageStatus | undefined>;
  /**
   * Milliseconds between two signs of life on the stream of events: an HTTP client closes a silent one, after
   * 5 minutes by default. @default 20000
   */
  readonly heartbeatMs?: number;
}

const HEARTBEAT_MS = 20_000;

/**
 * Serves `GET /events` (JSON lines: everything so far, then live) and `GET /status?stage=NAME` on a free port
 * of 127.0.0.1. Only callers with the secret get an answer.
 */
export async function startControlServer(run: ControlledRun): Promise<Listener> {
  return startListener({
    answer: (request, response) =>
      answer(run, request, response).catch((error: unknown) => {
        send(response, 500, { error: describeError(error) });
      }),
  });
}

async function answer(run: ControlledRun, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isSame(request.headers.authorization ?? "", `Bearer ${run.secret}`))
    return send(response, 403, { error: "wrong secret" });
  if (request.method !== "GET") return send(response, 405, { error: "only GET" });
  const url = new URL(request.url ?? "/", "http://control");
  if (url.pathname === "/status") {
    const status = await run.status(url.searchParams.get("stage") ?? undefined);
    return status ? send(response, 200, status) : send(response, 503, { error: "starting" });
  }
  if (url.pathname === "/events") {
    streamEvents(run, response);
    return;
  }
  send(response, 404, { error: "not found" });
}

/** A JSON line for each event, and an empty line where there is none for a while. */
function streamEvents({ events, heartbeatMs = HEARTBEAT_MS }: ControlledRun, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  const stop = events.follow((event) => response.write(`${JSON.stringify(event)}\n`));
  const heartbeat = setInterval(() => {
    // A reader that is suspended gets its events later; signs of life would only pile up.
    if (!response.writableNeedDrain) response.write("\n");
  }, heartbeatMs);
  response.once("close", () => {
    clearInterval(heartbeat);
    stop();
  });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (!response.headersSent) response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
