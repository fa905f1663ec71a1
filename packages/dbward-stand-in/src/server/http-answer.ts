import type { IncomingMessage, ServerResponse } from "node:http";
import { VERSION } from "../version.ts";

/** An answer that is no success: `{"error","code","hint"}`. Thrown by a route, sent by the server. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

export const notFound = (what = "not found") => new ApiError(404, "not_found", what);
export const invalid = (problem: string) => new ApiError(400, "validation.failed", problem);
export const conflict = (problem: string) => new ApiError(409, "request.conflict", problem);
export const forbidden = (problem: string, hint?: string) => new ApiError(403, "forbidden", problem, hint);

/** What a route answers with. */
export interface Reply {
  readonly status: number;
  /** JSON, unless it is a text. */
  readonly body: unknown;
}

export function send(response: ServerResponse, { status, body }: Reply): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, {
    "content-type": typeof body === "string" ? "text/plain; version=0.0.4" : "application/json",
    "content-length": Buffer.byteLength(text),
    "x-dbward-version": VERSION,
  });
  response.end(text);
}

export function sendError(response: ServerResponse, error: unknown): void {
  const { status, code, message, hint } =
    error instanceof ApiError ? error : new ApiError(500, "internal", "internal error");
  send(response, { status, body: { error: message, code, ...(hint === undefined ? {} : { hint }) } });
}

/** @throws {ApiError} when the body is too long, or no JSON object */
export async function readJsonObject(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new ApiError(413, "payload_too_large", "request body too large");
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (text.trim() === "") return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw invalid("request body is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalid("request body is no object");
  return body as Record<string, unknown>;
}

const MAX_BODY_BYTES = 1024 * 1024;
