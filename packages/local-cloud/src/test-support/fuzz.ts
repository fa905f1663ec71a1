import { connect } from "node:net";

/** Milliseconds after which an attacker goes away by itself. */
const GONE_MS = 300;

/**
 * Sends what no client would send to a listener, each on a connection of its own: addresses that are none,
 * methods and lengths that contradict, upgrades, half requests and bytes without sense. Resolves when all
 * connections have ended.
 *
 * @param port on 127.0.0.1
 */
export async function fuzz(port: number): Promise<void> {
  const attacks = texts(port);
  while (attacks.length > 0)
    await Promise.all(
      attacks.splice(0, AT_ONCE).flatMap((text) => [send(port, text), send(port, text.slice(0, -2))]),
    );
}

const AT_ONCE = 40;

function texts(port: number): string[] {
  const host = `Host: 127.0.0.1:${port}\r\n`;
  const upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  const requests = ADDRESSES.flatMap((address) =>
    METHODS.flatMap((method) => [
      `${method} ${address} HTTP/1.1\r\n${host}\r\n`,
      `${method} ${address} HTTP/1.1\r\n${host}${upgrade}\r\n`,
    ]),
  );
  const odd = HEADERS.map((header) => `POST / HTTP/1.1\r\n${host}${header}\r\n\r\nx`);
  return [...requests, ...odd, ...GARBAGE];
}

const METHODS = ["GET", "POST", "CONNECT", "OPTIONS", "PUT", "TRACE"];
const ADDRESSES = [
  "/",
  "//",
  "///",
  "//@",
  "//:0",
  "/\\",
  "/%",
  "/%00",
  "/?%",
  "/#",
  "*",
  "http://",
  "http://[",
  "http://evil.example/",
  "/v1/data-channel/",
  "/v1/data-channel/%",
  "/v2/credentials/",
  "/_ministack/cfn-response/%",
  "/status?",
  "/events/../status",
  "/api/state?range=__proto__",
  "/?X-Amz-Signature=%&X-Amz-Algorithm=AWS4-HMAC-SHA256",
  "/?X-Amz-Signature=0&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=1&X-Amz-Credential=////&X-Amz-Date=0",
  `/${"a".repeat(20_000)}`,
];
const HEADERS = [
  "Content-Length: -1",
  "Content-Length: 99999999999999999999",
  "Content-Length: 1\r\nContent-Length: 2",
  "Content-Length: 1\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
  "Transfer-Encoding: gzip",
  "Expect: 100-continue\r\nContent-Length: 1",
  "Expect: nothing\r\nContent-Length: 1",
  "Authorization: ",
  "Authorization: AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
  "Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request, SignedHeaders=host;host;__proto__, Signature=0",
  `X-Amz-Target: ${"AmazonEC2ContainerServiceV20141113.".repeat(9)}`,
  "X-Amz-Target: AmazonEC2ContainerServiceV20141113.__proto__\r\nContent-Length: 1",
  "Cookie: =;=;;",
  "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAAA",
  `X: ${"a".repeat(20_000)}`,
  "Nul: \0",
];
const GARBAGE = [
  "\r\n\r\n\r\n",
  "\0\0\0\0",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "GET",
  "GET / HTTP/9.9\r\n\r\n",
  "GET / HTTP/1.0\r\n\r\n",
  `${"x".repeat(70_000)}\r\n`,
];

function send(port: number, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
    const timer = setTimeout(() => socket.resetAndDestroy(), GONE_MS);
    socket.on("data", () => undefined);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
