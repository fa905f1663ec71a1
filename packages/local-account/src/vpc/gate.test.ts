import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { Gate } from "./gate.ts";

/** A server that answers what it got, when all of it has arrived. */
async function echo(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let got = "";
    socket.setEncoding("utf8");
    socket.on("error", () => undefined);
    socket.on("data", (data: string) => {
      got += data;
    });
    socket.on("end", () => socket.end(`got ${got}`));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function gateTo(port: number, closed: () => string | undefined) {
  const reasons: string[] = [];
  const gate = await Gate.open({
    closed: async () => closed(),
    target: () => ({ host: "127.0.0.1", port }),
    onClosed: (reason) => reasons.push(reason),
  });
  onTestFinished(() => gate.close());
  return { gate, reasons };
}

async function ask(port: number, question: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(question);
  return text(socket);
}

it("leads on while the path is open, both ways and to the end of each", async () => {
  const { gate, reasons } = await gateTo(await echo(), () => undefined);
  const long = "x".repeat(1_000_000);
  expect(await ask(gate.port, long)).toBe(`got ${long}`);
  expect(reasons).toEqual([]);
});

it("never answers while the path is closed, says once why, and leads on as soon as it is open", async () => {
  let closed: string | undefined = "no rule";
  const { gate, reasons } = await gateTo(await echo(), () => closed);
  const first = ask(gate.port, "anybody?");
  const silent = connect(gate.port, "127.0.0.1");
  onTestFinished(() => void silent.destroy());
  silent.write("hello");
  let answered = false;
  for (const event of ["data", "end", "close", "error"])
    silent.once(event, () => {
      answered = true;
    });
  await delay(300);
  expect([answered, reasons]).toEqual([false, ["no rule"]]);
  closed = undefined;
  expect(await ask(gate.port, "now?")).toBe("got now?");
  gate.close();
  await first.catch(() => undefined);
});

it("refuses what the other end refuses, and cuts all when it is closed", async () => {
  const port = await echo();
  const { gate } = await gateTo(1, () => undefined);
  await expect(ask(gate.port, "x")).rejects.toThrow(/ECONNRESET|socket hang up|aborted/i);

  const open = await gateTo(port, () => undefined);
  const socket = connect(open.gate.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  await delay(50);
  open.gate.close();
  await once(socket, "close");
});
