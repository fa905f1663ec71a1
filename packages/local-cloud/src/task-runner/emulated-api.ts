import { callEmulator, type EmulatorResponse, type EmulatorSocket } from "../account/index.ts";
import { EmulatorCallFailed } from "./errors.ts";

/** How the emulated account is reached. */
export interface EmulatorAccess extends EmulatorSocket {
  /** Such as `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Calls an operation of the emulated ECS and returns its answer as it is.
 *
 * The SDK drops members that it doesn't know, and task definitions that CloudFormation made inside the emulator have
 * members in CloudFormation's spelling.
 *
 * @throws EmulatorCallFailed
 */
export async function callEcs<T>(access: EmulatorAccess, operation: string, input: object): Promise<T> {
  const response = await request(access, `ecs:${operation}`, {
    method: "POST",
    path: "/",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `${ECS_TARGET}.${operation}`,
      authorization: unsigned(access, "ecs"),
    },
    body: JSON.stringify(input),
  });
  return JSON.parse(response.body.toString()) as T;
}

/** Root directory of an EFS access point. @throws EmulatorCallFailed */
export async function accessPointPath(access: EmulatorAccess, accessPointId: string): Promise<string> {
  const path = `/2015-02-01/access-points?AccessPointId=${encodeURIComponent(accessPointId)}`;
  const headers = { authorization: unsigned(access, "elasticfilesystem") };
  const response = await request(access, "elasticfilesystem:DescribeAccessPoints", {
    method: "GET",
    path,
    headers,
  });
  const { AccessPoints } = JSON.parse(response.body.toString()) as {
    AccessPoints?: { RootDirectory?: { Path?: string } }[];
  };
  return AccessPoints?.[0]?.RootDirectory?.Path ?? "/";
}

/** First part of the header `x-amz-target` of every call of ECS. */
export const ECS_TARGET = "AmazonEC2ContainerServiceV20141113";

/** Past the check of signatures: the stage's own calls. */
async function request(
  access: EmulatorAccess,
  call: string,
  {
    body = "",
    headers,
    ...rest
  }: { method: string; path: string; headers: Record<string, string>; body?: string },
): Promise<EmulatorResponse> {
  let response: EmulatorResponse;
  try {
    response = await callEmulator(access, {
      ...rest,
      headers: { host: new URL(access.endpoint).host, ...headers },
      body: Buffer.from(body),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
  } catch (error) {
    throw new EmulatorCallFailed(call, "no answer", error);
  }
  if (response.status >= 400)
    throw new EmulatorCallFailed(call, `${response.status} ${response.body.toString().slice(0, 300)}`);
  return response;
}

const CALL_TIMEOUT_MS = 10_000;

/** The emulator routes by what a signature is for. */
function unsigned({ accessKeyId, region }: EmulatorAccess, service: string): string {
  return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`;
}
