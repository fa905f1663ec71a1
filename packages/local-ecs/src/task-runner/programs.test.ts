import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AGENT } from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../local-account/src/test-support/temporary-directory.ts";
import { installPrograms, programsFolder, sharedPaths } from "./programs.ts";

/** A program that prints its name and its arguments. */
function makeBinary(directory: string, name: string): string {
  const file = path.join(directory, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho "real ${name}" "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

describe("installPrograms", () => {
  it("takes the program that a variable names, before one on the PATH", () => {
    const directory = temporaryDirectory();
    const named = makeBinary(path.join(directory, "it's here"), "my-server");
    makeBinary(path.join(directory, "path"), "dbward-server");
    makeBinary(path.join(directory, "path"), "dbward-agent");
    const environment = {
      DBWARD_SERVER_BIN: named,
      PATH: `${path.join(directory, "path")}:${process.env.PATH}`,
    };
    const programs = installPrograms(directory, environment, false);
    const folder = programsFolder(directory);
    expect(programs.map(({ kind }) => kind)).toEqual(["binary", "binary"]);
    const run = (name: string) =>
      execFileSync(path.join(folder, name), ["--a", "b c"], {
        encoding: "utf8",
        env: { ...process.env, TMPDIR: temporaryDirectory() },
      });
    expect(run("dbward-server")).toBe("real my-server --a b c\n");
    expect(run("dbward-agent")).toBe("real dbward-agent --a b c\n");
  });

  it("runs each real agent with a /tmp of its own, where the system can", ({ skip }) => {
    const directory = temporaryDirectory();
    const mark = `${AGENT.readyFile}-${path.basename(directory)}`;
    const agent = path.join(directory, "agent");
    writeFileSync(agent, `#!/bin/sh\ntouch ${mark}; cat "$1"\n`, { mode: 0o755 });
    const programs = installPrograms(directory, { ...process.env, DBWARD_AGENT_BIN: agent }, false);
    if (!programs.every(({ ownTmp }) => ownTmp)) {
      expect(sharedPaths(programs)).toEqual([AGENT.readyFile, AGENT.aliveFile]);
      skip("no mount namespaces for this user");
    }
    expect(sharedPaths(programs)).toEqual([]);
    // A file of the stage stays in its place, though it is below /tmp.
    const config = path.join(directory, "agent.toml");
    writeFileSync(config, "config");
    for (const TMPDIR of [temporaryDirectory(), temporaryDirectory()]) {
      const printed = execFileSync(path.join(programsFolder(directory), "dbward-agent"), [config], {
        encoding: "utf8",
        env: { PATH: process.env.PATH, TMPDIR },
      });
      expect(printed).toBe("config");
      expect(existsSync(path.join(TMPDIR, path.basename(mark)))).toBe(true);
      expect(existsSync(mark)).toBe(false);
    }
  });

  it("uses the stand-ins when there is nothing else, or on request", () => {
    const directory = temporaryDirectory();
    makeBinary(path.join(directory, "path"), "dbward-agent");
    const programs = installPrograms(directory, { PATH: path.join(directory, "path") }, true);
    expect(programs.map(({ name, kind }) => [name, kind])).toEqual([
      ["dbward-server", "stand-in"],
      ["dbward-agent", "stand-in"],
    ]);
    expect(sharedPaths(programs)).toEqual([]);
  });

  it("starts the stand-in itself, not a shell around it", () => {
    const directory = temporaryDirectory();
    installPrograms(directory, {}, true);
    expect(() =>
      execFileSync(path.join(programsFolder(directory), "dbward-server"), ["--config", "/no/such"], {
        stdio: "pipe",
        encoding: "utf8",
      }),
    ).toThrow(/\/no\/such/);
  });
});
