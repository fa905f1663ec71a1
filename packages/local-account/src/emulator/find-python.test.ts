import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../test-support/temporary-directory.ts";
import { findPython } from "./find-python.ts";

/** A PATH that holds nothing but these programs; each prints its lines, one for each call. */
function machine(programs: Record<string, string>): NodeJS.ProcessEnv {
  const directory = temporaryDirectory();
  for (const [name, script] of Object.entries(programs)) {
    const file = join(directory, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
  return { PATH: directory };
}

const python = (version: string) => `case "$2" in *venv*) echo "${version} $0";; *) echo ${version};; esac`;
const withoutVenv = (version: string) => `case "$2" in *venv*) exit 1;; *) echo ${version};; esac`;

it("takes the first Python that is new enough", async () => {
  const env = machine({ python3: python("3.9.2"), "python3.12": python("3.12.4") });
  const { source, passedOver } = await findPython(env);
  expect(source).toMatchObject({ kind: "python", version: "3.12.4" });
  expect(passedOver).toEqual(["python3 is 3.9.2"]);
});

it("passes over a Python that can make no environment", async () => {
  const { source, passedOver } = await findPython(machine({ python3: withoutVenv("3.11.2") }));
  expect(source).toBeUndefined();
  expect(passedOver).toEqual(["python3 is 3.11.2, without the module venv"]);
});

it("takes uv where there is no fitting Python", async () => {
  const env = machine({ python3: python("2.7.18"), uv: "echo uv 0.9.0" });
  expect((await findPython(env)).source).toEqual({ kind: "uv", path: "uv" });
});

it("takes the Python that is named, and no other", async () => {
  const env = machine({ python3: python("3.12.4"), mine: python("3.8.1") });
  const { source, passedOver } = await findPython({ ...env, DBWARD_PYTHON: "mine" });
  expect([source, passedOver]).toEqual([undefined, ["mine is 3.8.1"]]);
});

it("finds nothing on an empty machine", async () => {
  expect(await findPython(machine({}))).toEqual({ passedOver: [] });
});
