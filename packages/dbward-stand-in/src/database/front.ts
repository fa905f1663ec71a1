import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** The one login that is taken. */
export interface Login {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Codes in place of a version, with which a client asks for something else than a session. */
const ASKS = { cancel: 80_877_102, tls: 80_877_103, gss: 80_877_104 };
/** Longest message before the login. */
const MAX_LENGTH = 10_000;
/** Milliseconds in which a client must have logged in. */
const LOGIN_MS = 60_000;

/**
 * Listens on the loopback and asks each client for its password, as PostgreSQL does with the method
 * `password`; then it passes on what client and database say to each other. PGlite takes everybody: this
 * keeps out the other users of the machine.
 *
 * @param database path of the socket to pass on to; waited for at the first login
 */
export async function listen(login: Login, database: () => Promise<string>): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.setTimeout(LOGIN_MS, () => socket.destroy());
    serve(socket, login, database).catch(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function serve(socket: Socket, login: Login, database: () => Promise<string>): Promise<void> {
  const startup = await readStartup(socket);
  if (!startup) return void socket.end();
  const parameters = parametersOf(startup);
  const user = parameters.get("user");
  socket.write(message("R", int32(3)));
  const answer = await readMessage(socket, true);
  if (user !== login.user || !isEqual(answer.subarray(5, -1).toString("utf8"), login.password))
    return refuse(socket, "28P01", "password authentication failed");
  if ((parameters.get("database") ?? user) !== login.database)
    return refuse(socket, "3D000", "database does not exist");

  const upstream = connect(await database());
  upstream.on("error", () => socket.destroy());
  upstream.on("close", () => socket.destroy());
  socket.on("close", () => upstream.destroy());
  socket.setTimeout(0);
  upstream.write(startup); // answered with AuthenticationOk, which the client waits for
  socket.pipe(upstream);
  upstream.pipe(socket);
}

/** @returns nothing when the client wants no session */
async function readStartup(socket: Socket): Promise<Buffer | undefined> {
  for (;;) {
    const packet = await readMessage(socket, false);
    const code = packet.readInt32BE(4);
    if (code === ASKS.cancel) return undefined;
    if (code !== ASKS.tls && code !== ASKS.gss) return packet;
    socket.write("N");
  }
}

/** Names and values, each with a zero byte behind it, follow the length and the version. */
function parametersOf(startup: Buffer): Map<string, string> {
  const texts = startup.subarray(8).toString("utf8").split("\0");
  const parameters = new Map<string, string>();
  for (let i = 0; i + 1 < texts.length; i += 2) parameters.set(texts[i]!, texts[i + 1]!);
  return parameters;
}

/** Reads one message: its type if it has one, its length, its content. */
async function readMessage(socket: Socket, hasType: boolean): Promise<Buffer> {
  const head = await readBytes(socket, hasType ? 5 : 4);
  const length = head.readInt32BE(hasType ? 1 : 0) - 4;
  if (length < 1 || length > MAX_LENGTH) throw new Error("a message has an impossible length");
  return Buffer.concat([head, await readBytes(socket, length)]);
}

async function readBytes(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = socket.read(length);
    if (bytes?.length === length) return bytes;
    if (bytes || socket.readableEnded || socket.destroyed) throw new Error("the client has disconnected");
    await Promise.race([once(socket, "readable"), once(socket, "close")]);
  }
}

function refuse(socket: Socket, code: string, text: string): void {
  const fields = ["SFATAL", "VFATAL", `C${code}`, `M${text}`].map((field) => `${field}\0`).join("");
  socket.end(message("E", Buffer.from(`${fields}\0`)));
}

function message(type: string, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(content.length + 4), content]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function isEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
