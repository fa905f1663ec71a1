import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { PortInUse } from "./errors.ts";
import { choosePorts, isFree } from "./ports.ts";

async function takePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

it("chooses four different ports that are free", async () => {
  const ports = Object.values(await choosePorts());
  expect(new Set(ports).size).toBe(4);
  expect(await Promise.all(ports.map(isFree))).toEqual([true, true, true, true]);
});

it("keeps what it remembers where that is free, and replaces what is taken", async () => {
  const emulator = await freePort();
  const ecs = await takePort();
  const ports = await choosePorts({ remembered: { emulator, ecs } });
  expect(ports.emulator).toBe(emulator);
  expect(ports.ecs).not.toBe(ecs);
});

it("looks upwards from where it is told to", async () => {
  const from = await takePort();
  const { emulator, ecs } = await choosePorts({ from });
  expect(emulator).toBeGreaterThan(from);
  expect(ecs).toBeGreaterThan(emulator);
});

it("takes the port that was asked for before the one remembered", async () => {
  const asked = await freePort();
  expect((await choosePorts({ remembered: { emulator: 1 }, asked })).emulator).toBe(asked);
});

it("refuses a port that was asked for and is taken", async () => {
  const taken = await takePort();
  await expect(choosePorts({ asked: taken })).rejects.toThrow(PortInUse);
  await expect(choosePorts({ asked: taken })).rejects.toThrow(`Port ${taken} on 127.0.0.1 is taken`);
});
