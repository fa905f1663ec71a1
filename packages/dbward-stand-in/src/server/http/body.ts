import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { unreadable } from "./answer.ts";

/** What a call may carry. */
export interface BodyRules<T> {
  /** What the JSON must look like; 422 when it doesn't. */
  readonly schema: z.ZodType<T>;
  /** A call without a content type has no body, then. @default false: it is refused with 415 */
  readonly optional?: boolean;
  /** Bytes; 413 for more. @default 2 MiB */
  readonly maxBytes?: number | (() => number);
}

const DEFAULT_MAX_BYTES = 2 * 1024 * 1024;

/**
 * Reads and checks a JSON body.
 *
 * @throws Refusal 415 without a JSON content type, 413 when it is too long, 400 when it isn't JSON, 422 when
 * it has another shape
 */
export async function readBody<T>(request: IncomingMessage, rules: BodyRules<T>): Promise<T | undefined> {
  const type = request.headers["content-type"];
  if (type === undefined && rules.optional) return undefined;
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type ?? ""))
    throw unreadable(415, "Expected request with `Content-Type: application/json`");
  const { maxBytes = DEFAULT_MAX_BYTES } = rules;
  const text = await readText(request, typeof maxBytes === "number" ? maxBytes : maxBytes());
  const parsed = rules.schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // Path and kind of the problem alone: the value may be a secret.
  throw unreadable(422, `The JSON body has another shape: ${issue!.path.join(".") || "it"}: ${issue!.code}`);
}

async function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // What is too long is read to its end and thrown away, so that its sender gets to see the answer.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else if (size > maxBytes + MAX_DISCARDED_BYTES) break;
    else chunks.length = 0;
  }
  if (size > maxBytes) throw unreadable(413, "The body is too long");
  return Buffer.concat(chunks).toString("utf8");
}

const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable(400, "The body isn't JSON");
  }
}

/** Checks the parameters behind the `?`. @throws Refusal 400 in plain text */
export function readQuery<T>(parameters: URLSearchParams, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(Object.fromEntries(parameters));
  if (parsed.success) return parsed.data;
  throw unreadable(
    400,
    `The query has a parameter that can't be read: ${parsed.error.issues[0]!.path.join(".")}`,
  );
}
