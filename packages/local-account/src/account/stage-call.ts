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
 * Calls an operation of the JSON protocol, and returns its answer as it is.
 *
 * @param operation such as `DescribeSecret`
 * @throws EmulatorCallFailed
 */
export async function callJson<T>(
  access: EmulatorAccess,
  service: keyof typeof TARGETS,
  operation: string,
  input: object,
): Promise<T> {
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
  return content(name, answer);
}

/** @throws EmulatorCallFailed */
export async function getJson<T>(
  access: EmulatorAccess,
  name: string,
  service: string,
  path: string,
): Promise<T> {
  return content(name, await callAsStage(access, { name, service, method: "GET", path }));
}

function content<T>(name: string, { status, body }: EmulatorResponse): T {
  const text = body.toString();
  if (status >= 400) throw new EmulatorCallFailed(name, `${status} ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

const CALL_TIMEOUT_MS = 10_000;
const NOBODYS_KEY = "test";
