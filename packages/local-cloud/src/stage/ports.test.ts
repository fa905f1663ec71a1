import { once } from "node:events";
import { createServer } from "node:net";
import { freePort, PortInUse } from "@dbward-aws/local-account";
import { expect, it, onTestFinished } from "vitest";
import { type AccountPorts, isFree, type PortWishes, reservePorts } from "./ports.ts";

async function takePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** Reserved until the test is over. */
async function reserve(wishes?: PortWishes): Promise<AccountPorts> {
  const { ports, release } = await reservePorts(wishes);
  onTestFinished(release);
  return ports;
}

it("chooses different ports that are free", async () => {
  const ports = Object.values(await reserve());
  expect(new Set(ports).size).toBe(3);
  expect(await Promise.all(ports.map(isFree))).toEqual([true, true, true]);
});

it("never assigns a port to two stages, however many start at the same time", async () => {
  const from = await freePort();
  const chosen = await Promise.all(Array.from({ length: 5 }, () => reserve({ from })));
  expect(new Set(chosen.flatMap((ports) => Object.values(ports))).size).toBe(15);
});

it("assigns released ports again", async () => {
  const from = await freePort();
  const { ports, release } = await reservePorts({ from });
  expect((await reserve({ from })).emulator).not.toBe(ports.emulator);
  await release();
  expect((await reserve({ from })).emulator).toBe(ports.emulator);
});

it("keeps what it remembers where that is free, and replaces what is taken", async () => {
  const emulator = await freePort();
  const server = await takePort();
  const ports = await reserve({ remembered: { emulator, server } });
  expect(ports.emulator).toBe(emulator);
  expect(ports.server).not.toBe(server);
});

it("searches upwards from the first port", async () => {
  const from = await takePort();
  const { emulator, server } = await reserve({ from });
  expect(emulator).toBeGreaterThan(from);
  expect(server).toBeGreaterThan(emulator);
});

it("takes the port that was asked for before the one remembered", async () => {
  const asked = await freePort();
  expect((await reserve({ remembered: { emulator: 1 }, asked })).emulator).toBe(asked);
});

it("refuses a port that was asked for and is taken, or reserved by another stage", async () => {
  const taken = await takePort();
  await expect(reservePorts({ asked: taken })).rejects.toThrow(PortInUse);
  await expect(reservePorts({ asked: taken })).rejects.toThrow(`Port ${taken} on 127.0.0.1 is taken`);
  const { emulator } = await reserve();
  await expect(reservePorts({ asked: emulator })).rejects.toThrow(PortInUse);
});
