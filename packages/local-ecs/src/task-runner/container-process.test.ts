import { tmpdir } from "node:os";
import { Deadline } from "@dbward-aws/core";
import { processStart } from "@dbward-aws/local-account";
import { expect, it } from "vitest";
import { ContainerProcess } from "./container-process.ts";
import { TaskStartFailed } from "./errors.ts";

async function start(script: string, onLine: (line: string) => void = () => undefined) {
  return ContainerProcess.start({
    words: ["sh", "-c", script],
    environment: { PATH: process.env.PATH! },
    directory: tmpdir(),
    onLine,
  });
}

it("hands out lines of both streams, the last one without a line end too", async () => {
  const lines: string[] = [];
  const child = await start("echo one; echo two >&2; printf three", (line) => lines.push(line));
  expect(await child.ended).toBe(0);
  expect(lines.sort()).toEqual(["one", "three", "two"]);
});

it("is asked to end first, and may say with which exit code", async () => {
  const ready = signal();
  const child = await start("trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done", ready.send);
  await ready.received;
  await child.stop(10);
  expect(await child.ended).toBe(9);
});

it("is ended when it does not end in time, with everything that it has started", async () => {
  let left = 0;
  const ready = signal();
  const child = await start("trap '' TERM; sleep 600 & echo $!; while :; do sleep 0.01; done", (line) => {
    left = Number(line);
    ready.send();
  });
  await ready.received;
  await child.stop(0.05);
  expect(await child.ended).toBe(137);
  await gone(left);
});

it("leaves nothing running behind", async () => {
  let left = 0;
  const child = await start("sleep 600 & echo $!; exit 4", (line) => {
    left = Number(line);
  });
  expect(await child.ended).toBe(4);
  await gone(left);
});

it("says which program isn't there", async () => {
  const options = { words: ["no-such"], environment: {}, directory: tmpdir(), onLine: () => undefined };
  await expect(ContainerProcess.start(options)).rejects.toThrow(TaskStartFailed);
  await expect(ContainerProcess.start(options)).rejects.toThrow(/CannotStartContainerError.*"no-such"/);
});

async function gone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(0);
  expect(await Deadline.after(100_000).until(() => processStart(pid) === undefined || undefined, 5)).toBe(
    true,
  );
}

function signal(): { received: Promise<void>; send: () => void } {
  let send: () => void = () => undefined;
  const received = new Promise<void>((resolve) => {
    send = resolve;
  });
  return { received, send };
}
