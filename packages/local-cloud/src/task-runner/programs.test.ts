import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AGENT } from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../test-support/temporary-directory.ts";
import { builtInPaths, installPrograms } from "./programs.ts";

/** A program that says who it is and what it was given. */
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
    const folder = path.join(directory, "bin");
    const programs = installPrograms(folder, environment, false);
    expect(programs.map(({ kind }) => kind)).toEqual(["binary", "binary"]);
    const run = (name: string) => execFileSync(path.join(folder, name), ["--a", "b c"], { encoding: "utf8" });
    expect(run("dbward-server")).toBe("real my-server --a b c\n");
    expect(run("dbward-agent")).toBe("real dbward-agent --a b c\n");
    expect(builtInPaths(programs)).toEqual([AGENT.readyFile, AGENT.aliveFile]);
  });

  it("takes the stand-ins when there is nothing else, or when told to", () => {
    const directory = temporaryDirectory();
    makeBinary(path.join(directory, "path"), "dbward-agent");
    const programs = installPrograms(
      path.join(directory, "bin"),
      { PATH: path.join(directory, "path") },
      true,
    );
    expect(programs.map(({ name, kind }) => [name, kind])).toEqual([
      ["dbward-server", "stand-in"],
      ["dbward-agent", "stand-in"],
    ]);
    expect(builtInPaths(programs)).toEqual([]);
  });

  it("brings a curl only where there is none", () => {
    const folder = path.join(temporaryDirectory(), "bin");
    const elsewhere = path.join(temporaryDirectory(), "path");
    makeBinary(elsewhere, "curl");
    installPrograms(folder, { PATH: elsewhere }, true);
    expect(existsSync(path.join(folder, "curl"))).toBe(false);
    installPrograms(folder, { PATH: "/nowhere" }, true);
    expect(existsSync(path.join(folder, "curl"))).toBe(true);
  });

  it("starts the stand-in itself, not a shell around it", () => {
    const folder = path.join(temporaryDirectory(), "bin");
    installPrograms(folder, {}, true);
    expect(() =>
      execFileSync(path.join(folder, "dbward-server"), ["--config", "/no/such"], {
        stdio: "pipe",
        encoding: "utf8",
      }),
    ).toThrow(/\/no\/such/);
  });
});
