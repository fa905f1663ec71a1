import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { HttpRequest } from "@smithy/core/protocols";
import { Hash } from "@smithy/core/serde";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Credentials, newCredentials } from "./credentials.ts";
import { sessionCredentials } from "./role-session.ts";
import { authenticate } from "./signature.ts";

const CREDENTIALS = newCredentials();
const SESSION = { role: "arn:aws:iam::000000000000:role/reader", name: "who" };
const KEYS = sessionCredentials(CREDENTIALS, SESSION);
const OTHER_TOKEN = sessionCredentials(CREDENTIALS, SESSION).sessionToken;
let port: number;
let fault: (request: IncomingMessage, body: Buffer) => Promise<string | undefined>;
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  response.end((await fault(request, Buffer.concat(chunks))) ?? "good");
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly query?: Record<string, string | string[]>;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly service?: string;
  readonly signer?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string | undefined;
  };
  readonly signedAt?: Date;
  readonly presigned?: boolean;
  /** What an attacker changes on the way. */
  readonly changed?: Partial<Pick<Call, "method" | "path" | "body" | "headers" | "query">>;
}

/** Signs with the SDK's signer, sends over HTTP, and checks what has arrived. */
async function check(call: Call): Promise<string> {
  fault = async (request, body) => {
    const caller = await authenticate(request, body, CREDENTIALS);
    return typeof caller === "string" ? caller : caller.session?.name;
  };
  const {
    method = "POST",
    path = "/",
    query = {},
    headers = {},
    body = "",
    service = "secretsmanager",
    changed,
  } = call;
  const signer = new SignatureV4({
    credentials: (call.signer ?? CREDENTIALS) as Credentials,
    region: "us-east-1",
    service,
    sha256: Hash.bind(null, "sha256"),
    uriEscapePath: service !== "s3",
  });
  const request = new HttpRequest({
    method,
    hostname: "127.0.0.1",
    port,
    path,
    query,
    headers: { host: `127.0.0.1:${port}`, ...headers },
    body,
  });
  const options = { signingDate: call.signedAt ?? new Date() };
  const signed = await (call.presigned
    ? signer.presign(request, { ...options, expiresIn: 60 })
    : signer.sign(request, options));
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...signed.query, ...changed?.query }))
    for (const one of [value].flat()) if (one !== null && one !== undefined) all.append(name, one);
  const search = all.toString().replaceAll("+", "%20");
  const sent = await fetch(
    `http://127.0.0.1:${port}${changed?.path ?? signed.path}${search ? `?${search}` : ""}`,
    {
      method: changed?.method ?? method,
      headers: { ...signed.headers, ...changed?.headers },
      ...(method === "GET" ? {} : { body: changed?.body ?? body }),
    },
  );
  return sent.text();
}

it.each<[string, Call]>([
  [
    "a JSON call",
    { headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "a.B" }, body: '{"a":"ü"}' },
  ],
  [
    "a path with an ARN",
    { method: "GET", service: "lambda", path: "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1/code" },
  ],
  ["a query with several values", { method: "GET", query: { b: ["2", "1"], a: "x y/+&=ä", empty: "" } }],
  ["an object's name", { method: "PUT", service: "s3", path: "/bucket/a%20b/%C3%A4+%3D//c", body: "text" }],
  [
    "an upload without a hash",
    {
      method: "PUT",
      service: "s3",
      path: "/b/k",
      headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      body: "text",
    },
  ],
  [
    "an upload in signed chunks",
    {
      method: "PUT",
      service: "s3",
      path: "/b/k",
      headers: {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
      },
      body: "4;chunk-signature=0\r\ntext\r\n0\r\n\r\n",
    },
  ],
  [
    "a presigned URL",
    {
      method: "GET",
      service: "s3",
      path: "/b/k%20",
      query: { "response-content-type": "a/b" },
      headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      presigned: true,
    },
  ],
  ["a caller whose clock is 10 minutes off", { body: "a", signedAt: new Date(Date.now() - 600_000) }],
])("lets in %s", async (_what, call) => {
  expect(await check(call)).toBe("good");
});

it.each<[string, Call, string]>([
  ["another key", { signer: newCredentials() }, "InvalidClientTokenId"],
  [
    "a token that is not of this account",
    { signer: sessionCredentials(newCredentials(), SESSION) },
    "InvalidClientTokenId",
  ],
  [
    "a token with another session's key",
    { signer: { ...KEYS, sessionToken: OTHER_TOKEN } },
    "InvalidClientTokenId",
  ],
  [
    "a session's key without its token",
    { signer: { ...KEYS, sessionToken: undefined } },
    "InvalidClientTokenId",
  ],
  [
    "a session's key with another secret",
    { signer: { ...KEYS, secretAccessKey: "a" } },
    "SignatureDoesNotMatch",
  ],
  [
    "the administrator's key with a token",
    { signer: { ...CREDENTIALS, sessionToken: OTHER_TOKEN } },
    "InvalidClientTokenId",
  ],
  [
    "another secret",
    { signer: { ...newCredentials(), accessKeyId: CREDENTIALS.accessKeyId } },
    "SignatureDoesNotMatch",
  ],
  ["another body", { body: "a", changed: { body: "b" } }, "SignatureDoesNotMatch"],
  ["another path", { changed: { path: "/other" } }, "SignatureDoesNotMatch"],
  ["another method", { changed: { method: "PUT" } }, "SignatureDoesNotMatch"],
  [
    "another query",
    { method: "GET", query: { a: "1" }, changed: { query: { a: "2" } } },
    "SignatureDoesNotMatch",
  ],
  [
    "another header",
    { headers: { "x-amz-target": "a.List" }, changed: { headers: { "x-amz-target": "a.Delete" } } },
    "SignatureDoesNotMatch",
  ],
  [
    "another hash of the body",
    { service: "s3", body: "a", changed: { headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } } },
    "SignatureDoesNotMatch",
  ],
  ["a signature of yesterday", { signedAt: new Date(Date.now() - 86_400_000) }, "SignatureDoesNotMatch"],
  ["a signature of tomorrow", { signedAt: new Date(Date.now() + 86_400_000) }, "SignatureDoesNotMatch"],
  [
    "a presigned URL that has expired",
    { method: "GET", service: "s3", presigned: true, signedAt: new Date(Date.now() - 61_000) },
    "SignatureDoesNotMatch",
  ],
  [
    "a presigned URL that is made to live longer",
    { method: "GET", service: "s3", presigned: true, changed: { query: { "X-Amz-Expires": "6000" } } },
    "SignatureDoesNotMatch",
  ],
  [
    "a broken header",
    { changed: { headers: { authorization: "AWS4-HMAC-SHA256 Credential=a" } } },
    "IncompleteSignature",
  ],
  ["another scheme", { changed: { headers: { authorization: "Bearer a" } } }, "IncompleteSignature"],
])("refuses %s", async (_what, call, expected) => {
  expect(await check(call)).toBe(expected);
});

it("finds the session of the keys, in a header and in a presigned URL", async () => {
  expect(await check({ body: "a", signer: KEYS })).toBe("who");
  expect(
    await check({
      method: "GET",
      service: "s3",
      path: "/b/k",
      headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      signer: KEYS,
      presigned: true,
    }),
  ).toBe("who");
});

it("refuses what is not signed", async () => {
  expect(await (await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "a" })).text()).toBe(
    "MissingAuthenticationToken",
  );
});

it("computes what AWS's own test suite has (get-vanilla)", async () => {
  const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const authorization =
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, " +
    "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
  const headers = { host: "example.amazonaws.com", "x-amz-date": "20150830T123600Z", authorization };
  const headersDistinct = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const request = { method: "GET", url: "/", headers, headersDistinct } as unknown as IncomingMessage;
  const now = new Date("2015-08-30T12:40:00Z");
  expect(await authenticate(request, Buffer.alloc(0), keys, now)).toEqual({
    session: undefined,
    service: "service",
    region: "us-east-1",
  });
  expect(await authenticate(request, Buffer.from("a"), keys, now)).toBe("SignatureDoesNotMatch");
});
