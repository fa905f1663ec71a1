import { z } from "zod";
import { jsonText } from "../json-text.ts";
import { callEmulator, type EmulatorResponse, type EmulatorSocket } from "./account-listener.ts";
import { EmulatorCallFailed } from "./errors.ts";

/** First part of the header `x-amz-target`, for the services that route by it. */
export const TARGETS = {
  ecs: "AmazonEC2ContainerServiceV20141113",
  events: "AWSEvents",
  kms: "TrentService",
  logs: "Logs_20140328",
  monitoring: "GraniteServiceVersion20100801",
  secretsmanager: "secretsmanager",
  ssm: "AmazonSSM",
} as const;

/** How the emulated account is reached by the stage itself. */
export interface EmulatorAccess extends EmulatorSocket {
  /** Such as `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  readonly region: string;
}

/** A call of the stage itself. */
export interface StageCall {
  /** As errors name it, such as `ecs:ListTasks`. */
  readonly name: string;
  /** Name of the service in signatures, by which the emulator routes. */
  readonly service: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Calls the emulated account past the check of signatures and rights.
 *
 * @throws EmulatorCallFailed when there is no answer
 */
export async function callAsStage(access: EmulatorAccess, call: StageCall): Promise<EmulatorResponse> {
  const { name, service, method, path, headers = {}, body = "" } = call;
  try {
    return await callEmulator(access, {
      method,
      path,
      headers: {
        host: new URL(access.endpoint).host,
        authorization: `AWS4-HMAC-SHA256 Credential=${NOBODYS_KEY}/20260101/${access.region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
        ...headers,
      },
      body: Buffer.from(body),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
  } catch (error) {
    throw new EmulatorCallFailed(name, "no answer", error);
  }
}

/**
 * Calls an operation of the JSON protocol.
 *
 * @param operation such as `DescribeSecret`
 * @param schema of the answer
 * @throws EmulatorCallFailed
 */
export async function callJson<Schema extends z.ZodType>(
  access: EmulatorAccess,
  service: keyof typeof TARGETS,
  operation: string,
  input: object,
  schema: Schema,
): Promise<z.output<Schema>> {
  const name = `${service}:${operation}`;
  const answer = await callAsStage(access, {
    name,
    service,
    method: "POST",
    path: "/",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `${TARGETS[service]}.${operation}`,
    },
    body: JSON.stringify(input),
  });
  return content(name, answer, schema);
}

/**
 * Calls an operation of a REST API.
 *
 * @param name as errors name it, such as `elasticfilesystem:DescribeAccessPoints`
 * @param schema of the answer
 * @throws EmulatorCallFailed
 */
export async function getJson<Schema extends z.ZodType>(
  access: EmulatorAccess,
  name: string,
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const [service = ""] = name.split(":");
  return content(name, await callAsStage(access, { name, service, method: "GET", path }), schema);
}

function content<Schema extends z.ZodType>(
  name: string,
  { status, body }: EmulatorResponse,
  schema: Schema,
): z.output<Schema> {
  const text = body.toString();
  if (status >= 400) throw new EmulatorCallFailed(name, `${status} ${text.slice(0, 300)}`);
  const { data, error } = jsonText(schema).safeParse(text);
  if (error) throw new EmulatorCallFailed(name, `unexpected answer: ${z.prettifyError(error)}`, error);
  return data as z.output<Schema>;
}

const CALL_TIMEOUT_MS = 10_000;
const NOBODYS_KEY = "test";
