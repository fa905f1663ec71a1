import { MalformedFrame } from "./errors.ts";
import { encodeJson, isJsonObject, type JsonObject, parseJson } from "./json.ts";

/** One thing that the agent asks of the client, such as `SessionType` or `KMSEncryption`. */
export interface RequestedClientAction {
  readonly ActionType: string;
  readonly ActionParameters: JsonObject;
}

/** Payload of type `handshakeRequest`: agent to client. */
export interface HandshakeRequest {
  readonly AgentVersion: string;
  readonly RequestedClientActions: readonly RequestedClientAction[];
}

/** The client's answer to one action. */
export interface ProcessedClientAction {
  readonly ActionType: string;
  /** One of `ACTION_STATUS`; anything but success makes the agent give the session up. */
  readonly ActionStatus: number;
  readonly ActionResult: unknown;
  readonly Error: string;
}

/** Payload of type `handshakeResponse`: client to agent. */
export interface HandshakeResponse {
  /** Agents treat 1.2.295 and older as outdated. */
  readonly ClientVersion: string;
  readonly ProcessedClientActions: readonly ProcessedClientAction[];
  readonly Errors: readonly string[] | null;
}

/** Payload of type `handshakeComplete`: agent to client. */
export interface HandshakeComplete {
  /** Nanoseconds. */
  readonly HandshakeTimeToComplete: number;
  /** Text for the person at the terminal; often empty. */
  readonly CustomerMessage: string;
}

/** ActionParameters of the action `KMSEncryption`. */
export interface KmsEncryptionParameters {
  readonly KMSKeyId: string;
  /** Base64. Goes into the key's encryption context when the client acknowledges it. */
  readonly Challenge: string | undefined;
}

/** ActionResult of the action `KMSEncryption`. */
export interface KmsEncryptionResult {
  /** Base64 of the data key as KMS encrypted it. */
  readonly KMSCipherTextKey: string;
  readonly KMSCipherTextHash: string | null;
  readonly ChallengeAcknowledgement?: true;
}

export const ACTION_SESSION_TYPE = "SessionType";
export const ACTION_KMS_ENCRYPTION = "KMSEncryption";

/** @throws MalformedFrame */
export function decodeHandshakeRequest(payload: Uint8Array): HandshakeRequest {
  const content = object(payload, "a handshake request");
  const actions: unknown = content.RequestedClientActions ?? [];
  if (!Array.isArray(actions)) throw new MalformedFrame("a handshake request has no list of actions");
  return {
    AgentVersion: String(content.AgentVersion ?? ""),
    RequestedClientActions: actions.map(readAction),
  };
}

/** @throws MalformedFrame when there is no key id */
export function readKmsEncryptionParameters(parameters: JsonObject): KmsEncryptionParameters {
  const { KMSKeyId, Challenge } = parameters;
  if (typeof KMSKeyId !== "string" || KMSKeyId === "")
    throw new MalformedFrame("the agent asks for encryption and names no key");
  return { KMSKeyId, Challenge: typeof Challenge === "string" ? Challenge : undefined };
}

/** @throws MalformedFrame */
export function decodeHandshakeResponse(payload: Uint8Array): HandshakeResponse {
  const content = object(payload, "a handshake response");
  const actions: unknown = content.ProcessedClientActions ?? [];
  if (!Array.isArray(actions)) throw new MalformedFrame("a handshake response has no list of actions");
  return {
    ClientVersion: String(content.ClientVersion ?? ""),
    ProcessedClientActions: actions.filter(isJsonObject).map((action) => ({
      ActionType: String(action.ActionType ?? ""),
      ActionStatus: Number(action.ActionStatus ?? 0),
      ActionResult: action.ActionResult ?? null,
      Error: String(action.Error ?? ""),
    })),
    Errors: Array.isArray(content.Errors) ? content.Errors.map(String) : null,
  };
}

export const encodeHandshakeRequest = (request: HandshakeRequest): Buffer => encodeJson(request);
export const encodeHandshakeResponse = (response: HandshakeResponse): Buffer => encodeJson(response);
export const encodeHandshakeComplete = (complete: HandshakeComplete): Buffer => encodeJson(complete);

/** Payload of both encryption challenges: bytes under the session's key. */
export function encodeChallenge(challenge: Uint8Array): Buffer {
  return encodeJson({ Challenge: Buffer.from(challenge).toString("base64") });
}

/** @throws MalformedFrame */
export function decodeChallenge(payload: Uint8Array): Buffer {
  const { Challenge } = object(payload, "an encryption challenge");
  if (typeof Challenge !== "string") throw new MalformedFrame("an encryption challenge is empty");
  return Buffer.from(Challenge, "base64");
}

function readAction(action: unknown): RequestedClientAction {
  if (!isJsonObject(action) || typeof action.ActionType !== "string")
    throw new MalformedFrame("a handshake request asks for an action without a type");
  const parameters = action.ActionParameters;
  return { ActionType: action.ActionType, ActionParameters: isJsonObject(parameters) ? parameters : {} };
}

function object(payload: Uint8Array, what: string): JsonObject {
  const content = parseJson(payload, what);
  if (!isJsonObject(content)) throw new MalformedFrame(`${what} is not a JSON object`);
  return content;
}
