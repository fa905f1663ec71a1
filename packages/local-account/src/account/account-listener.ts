import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";
import { type Listener, startListener } from "@dbward-aws/core";
import type { Credentials } from "./credentials.ts";
import { authenticate, type Caller, type SignatureFault } from "./signature.ts";

/** The emulated account's own listener: a socket in a folder that only its owner can enter. */
export interface EmulatorSocket {
  readonly socketPath: string;
}

export interface AccountListenerOptions extends EmulatorSocket {
  /** Port on 127.0.0.1; 0 for any. */
  readonly port: number;
  /** Keys of the administrator. Every call must be signed with them, or with those of a role's session. */
  readonly credentials: Credentials;
  /**
   * Decides on a signed call before anybody answers it.
   * @returns true when it has answered: the call is refused, or needs no other answer
   */
  readonly judge: (
    caller: Caller,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ) => Promise<boolean>;
  /** Decides whether the keys that signed the upgrade of a session's WebSocket may open it. */
  readonly judgeUpgrade: (caller: Caller, request: IncomingMessage) => Promise<boolean>;
  readonly onError?: (error: unknown) => void;
}

/** What answers calls before the emulator does. */
export interface AccountFront {
  /** Answers a signed call itself. @returns false for a call that the emulator is to answer */
  answer(request: IncomingMessage, body: Buffer, response: ServerResponse, caller: Caller): Promise<boolean>;
  /**
   * Answers a call without a signature, on a path that can't be guessed.
   * @returns false for any other call
   */
  open(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  /** Accepts a WebSocket, whose path or first message authenticates it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** The listener of a running account. */
export interface AccountListener extends Listener {
  /** @param front `undefined` when the emulator is to answer alone, as at the start */
  setFront(front: AccountFront | undefined): void;
}

/** An answer of the emulator. */
export interface EmulatorResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A call as the emulator gets it. */
export interface EmulatorRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly signal?: AbortSignal;
}

/** Bytes of a body; a function's code is the largest. */
const LARGEST_BODY = 128 * 1024 * 1024;
/** What a custom resource answers to: the emulator makes the id, at random. */
const RESPONSE_PATH = /^\/_ministack\/cfn-response\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The face of the emulated account on 127.0.0.1. The emulator itself checks nothing and runs functions as
 * processes of this machine; here every call must be signed with keys of the account and allowed to them, and
 * no web page is let in.
 *
 * @throws the system's error when the port is in use
 */
export async function startAccountListener(options: AccountListenerOptions): Promise<AccountListener> {
  const { port, onError } = options;
  let front: AccountFront | undefined;
  const listener = await startListener({
    port,
    answer: (request, response) => answerCall(options, front, request, response),
    upgrade: (request, socket, head) => {
      const refuseUpgrade = () =>
        socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      mayUpgrade(options, request).then(
        (may) => {
          if (!may) refuseUpgrade();
          else if (front) front.upgrade(request, socket, head);
          else socket.destroy();
        },
        (error: unknown) => {
          onError?.(error);
          refuseUpgrade();
        },
      );
    },
    ...(onError ? { onError } : {}),
  });
  return {
    ...listener,
    setFront: (next) => {
      front = next;
    },
  };
}

/**
 * A session's WebSocket needs no signature: its first message has the session's token. One that is there must
 * be right.
 */
async function mayUpgrade(options: AccountListenerOptions, request: IncomingMessage): Promise<boolean> {
  if (request.headers.authorization === undefined) return true;
  const caller = await authenticate(request, Buffer.alloc(0), options.credentials);
  return typeof caller !== "string" && options.judgeUpgrade(caller, request);
}

async function answerCall(
  options: AccountListenerOptions,
  front: AccountFront | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (await front?.open(request, response)) return;
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413, { connection: "close" }).end();
    return;
  }
  const { method = "GET", url: path = "/", headers } = request;
  if (!(method === "PUT" && RESPONSE_PATH.test(path))) {
    const caller = await authenticate(request, body, options.credentials);
    if (typeof caller === "string") {
      refuse(request, response, caller);
      return;
    }
    if (await options.judge(caller, request, body, response)) return;
    if (await front?.answer(request, body, response, caller)) return;
  }
  const answered = await callEmulator(options, { method, path, headers, body });
  if (response.destroyed) return;
  for (const [name, value] of Object.entries(answered.headers))
    if (value !== undefined && !DROPPED.test(name)) response.setHeader(name, value);
  response.statusCode = answered.status;
  response.end(answered.body);
}

/**
 * Headers that belong to one connection, and those by which the emulator lets every web page read its
 * answers.
 */
const DROPPED = /^(?:connection|keep-alive|transfer-encoding|expect|access-control-.*)$/;

/** Calls the emulator past the check of signatures. @throws the system's error when it does not answer */
export async function callEmulator(
  { socketPath }: EmulatorSocket,
  { method, path, headers, body, signal }: EmulatorRequest,
): Promise<EmulatorResponse> {
  const passed = Object.entries(headers).filter(([name]) => !DROPPED.test(name) && name !== "content-length");
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath,
      method,
      path,
      headers: { ...Object.fromEntries(passed), "content-length": body.length },
      ...(signal ? { signal } : {}),
    });
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 500,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.end(body);
  });
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Names of the faults where they differ from those of the query protocol, and what AWS says of them. */
const FAULTS: Readonly<
  Record<SignatureFault, { readonly json: string; readonly s3: string; readonly message: string }>
> = {
  MissingAuthenticationToken: {
    json: "MissingAuthenticationTokenException",
    s3: "AccessDenied",
    message: "Request is missing Authentication Token",
  },
  IncompleteSignature: {
    json: "IncompleteSignatureException",
    s3: "AccessDenied",
    message: "The request signature does not conform to AWS standards.",
  },
  InvalidClientTokenId: {
    json: "UnrecognizedClientException",
    s3: "InvalidAccessKeyId",
    message: "The security token included in the request is invalid.",
  },
  SignatureDoesNotMatch: {
    json: "InvalidSignatureException",
    s3: "SignatureDoesNotMatch",
    message: "The request signature we calculated does not match the signature you provided.",
  },
};

/** Answers 403 as AWS does, in the form that the caller's protocol has. */
function refuse(request: IncomingMessage, response: ServerResponse, fault: SignatureFault): void {
  const { json, s3, message } = FAULTS[fault];
  const { authorization = "", "content-type": type = "" } = request.headers;
  if (/json/.test(type)) {
    response.writeHead(403, { "content-type": "application/x-amz-json-1.1", "x-amzn-errortype": json });
    response.end(JSON.stringify({ __type: json, message }));
    return;
  }
  const isS3 = authorization.includes("/s3/aws4_request");
  const error = `<Error><Code>${isS3 ? s3 : fault}</Code><Message>${message}</Message></Error>`;
  response.writeHead(403, { "content-type": "text/xml", "x-amzn-errortype": json });
  response.end(isS3 ? error : `<ErrorResponse>${error}</ErrorResponse>`);
}
