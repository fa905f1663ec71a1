import { MalformedFrame } from "./errors.ts";

/** A parsed JSON object whose members are still to be checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param what names the payload in the error
 * @throws MalformedFrame when it isn't JSON; the error doesn't quote the payload, which may hold a secret
 */
export function parseJson(payload: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString("utf8"));
  } catch {
    throw new MalformedFrame(`${what} isn't JSON`);
  }
}

/** Writes a value as the JSON payload of a message. */
export function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
