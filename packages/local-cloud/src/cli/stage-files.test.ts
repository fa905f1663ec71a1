import { chmodSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { identify, newCredentials } from "@dbward-aws/local-account";
import { expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { StageFiles } from "./stage-files.ts";

const CREDENTIALS = newCredentials();

const run = (pid: number) => ({
  host: { pid, started: "Mon Nov 23 12:00:00 2026" },
  control: 4000,
  secret: "s",
  credentials: CREDENTIALS,
});

it("lets one of two starts win", async () => {
  const files = new StageFiles(temporaryDirectory());
  const claims = await Promise.all([files.claim(run(1)), files.claim(run(2))]);
  expect(claims.filter(Boolean)).toHaveLength(1);
  expect((await files.run())?.host.pid).toBe(claims[0] ? 1 : 2);
});

it("can be claimed again once it is released", async () => {
  const files = new StageFiles(temporaryDirectory());
  await files.claim(run(1));
  await files.release();
  expect(await files.run()).toBeUndefined();
  expect(await files.claim(run(2))).toBe(true);
});

it("remembers the ports beyond the run", async () => {
  const files = new StageFiles(temporaryDirectory());
  expect(await files.ports()).toEqual({});
  const ports = { emulator: 1, server: 2, dashboard: 3 };
  await files.rememberPorts(ports);
  expect(await files.ports()).toEqual(ports);
});

it("reserves a stage for one deployment at a time, until its process has ended", async () => {
  const files = new StageFiles(temporaryDirectory());
  const self = identify(process.pid)!;
  const release = await files.claimDeployment(self);
  expect(await files.claimDeployment(self)).toBeUndefined();
  await release!();
  expect(await files.claimDeployment({ ...self, started: "earlier" })).toBeDefined();
  // That process has ended, and with it its reservation.
  expect(await files.claimDeployment(self)).toBeDefined();
});

it("makes them private to their owner, whatever the umask and the mode of the folder", async () => {
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  for (const make of [() => undefined, (directory: string) => chmodSync(directory, 0o777)]) {
    const root = temporaryDirectory();
    const files = new StageFiles(root);
    await files.rememberPorts({ emulator: 1, server: 2, dashboard: 3 });
    make(files.directory);
    await files.claim(run(1));
    const mode = (path: string) => statSync(path).mode & 0o777;
    expect(mode(files.directory)).toBe(0o700);
    expect(readdirSync(files.directory).map((name) => mode(join(files.directory, name)))).toEqual([
      0o600, 0o600,
    ]);
  }
});

it("remembers the ports of each stage, and those of the account beside them", async () => {
  const files = new StageFiles(temporaryDirectory());
  await files.rememberPorts({ emulator: 1, server: 2, dashboard: 3 });
  await files.rememberStagePorts("dev", { server: 4, dashboard: 5 });
  await files.rememberStagePorts("qa", { server: 6, dashboard: 7 });
  expect(await files.ports()).toEqual({ emulator: 1, server: 2, dashboard: 3 });
  expect(await files.stagePorts("dev")).toEqual({ server: 4, dashboard: 5 });
  expect(await files.stagePorts("none")).toEqual({});
});
