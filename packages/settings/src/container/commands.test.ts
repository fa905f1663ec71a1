import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { afterAll, describe, expect, it } from "vitest";
import { agentCommand, agentEnvironment, serverCommand, serverEnvironment } from "./commands.ts";

const BUCKET = { backend: "s3", bucket: "results-bucket", region: "eu-central-1" } as const;
const SSM = { source: "ssm", parameter: "/dbward/server" } as const;

const folder = mkdtempSync(join(tmpdir(), "container-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Every awk of this machine; the images have Debian's, which is mawk. */
const awks = ["mawk", "gawk", "original-awk", "busybox"].filter((name) =>
  (process.env.PATH ?? "").split(delimiter).some((path) => existsSync(join(path, name))),
);

it("is tried with an awk", () => {
  expect(awks).not.toEqual([]);
});

/** Runs a container's command with programs that show their arguments, and the file and environment that they get. */
function run(command: readonly string[], environment: Record<string, string>, awk = awks[0]!) {
  const home = mkdtempSync(join(folder, "run-"));
  const bin = join(home, "bin");
  mkdirSync(bin);
  for (const name of ["dbward-server", "dbward-agent"]) {
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\necho "$0 $*" > ${home}/arguments; env > ${home}/environment; umask > ${home}/umask; ls -l ${home}/*.toml > ${home}/mode\n`,
    );
    chmodSync(join(bin, name), 0o755);
  }
  symlinkSync(
    execFileSync("which", [awk], { encoding: "utf8" }).trim(),
    join(bin, awk === "busybox" ? awk : "awk"),
  );
  if (awk === "busybox")
    writeFileSync(join(bin, "awk"), '#!/bin/sh\nexec busybox awk "$@"\n', { mode: 0o755 });
  const [program, ...rest] = command.map((word) => word.replaceAll("/tmp/", `${home}/`));
  execFileSync(program!, rest, {
    env: { PATH: `${bin}${delimiter}/usr/bin${delimiter}/bin`, ...environment },
  });
  const read = (name: string) => readFileSync(join(home, name), "utf8");
  return {
    arguments: read("arguments").replaceAll(`${bin}/`, "").replaceAll(home, "/tmp").trim(),
    environment: read("environment"),
    mode: read("mode"),
    read,
  };
}

/** The server.toml that comes of a text in SSM. */
function normalised(toml: string, awk?: string): string {
  const environment = { ...serverEnvironment(SSM, BUCKET), DBWARD_CONFIG_TOML: toml };
  return run(serverCommand(SSM), environment, awk).read("server.toml");
}

describe("serverCommand", () => {
  it("becomes the server, with a file that only it can read and nothing of it left in the environment", () => {
    const config = { source: "rendered", toml: "# café \\n %s $HOME `id` 'x'\n" } as const;
    const ran = run(serverCommand(config), serverEnvironment(config, BUCKET));
    expect(ran.arguments).toBe("dbward-server --listen 0.0.0.0:3000 --config /tmp/server.toml");
    expect(ran.read("server.toml").trimEnd()).toBe(
      serverEnvironment(config, BUCKET).DBWARD_CONFIG_TOML!.trimEnd(),
    );
    expect(ran.read("server.toml")).toContain("# café \\n %s $HOME `id` 'x'\n");
    expect(ran.mode).toMatch(/^-rw-------/);
    expect(ran.read("umask")).not.toMatch(/77/);
    expect(ran.environment).not.toMatch(/^DBWARD_/m);
  });

  describe.each(awks)("with a text from SSM and %s", (awk) => {
    it.each([
      ["nothing to replace", '[auth]\nmode = "token"'],
      ["an empty text", ""],
      ["a byte order mark", '\uFEFF[result_storage]\nbackend = "local"\n[auth]\nmode = "token"'],
      ["a byte order mark and a key", '\uFEFFresult_storage.backend = "s3"\nstate_dir = "/data"'],
      ["the table", '[result_storage]\nbackend = "local"\nroot_dir = "/x"\n[auth]\nmode = "token"'],
      [
        "the table at the end, without a line end",
        '[auth]\nmode = "token"\n[result_storage]\nbackend = "s3"',
      ],
      ["tables below it", "[result_storage.s3]\na = 1\n[[result_storage.list]]\nb = 2\n[x]\nc = 3"],
      [
        "spaces, quotes and a comment",
        "  [ 'result_storage' ] # gone\na = 1\n[ \"result_storage\" . 'x' ]\nb = 2",
      ],
      ["Windows line ends", '[result_storage]\r\nbackend = "local"\r\n\r\n[auth]\r\nmode = "token"\r\n'],
      ["a key at the root", "result_storage = { backend = 'local' }\nother = 1"],
      [
        "dotted keys at the root",
        "result_storage.backend = 'local'\n'result_storage'.x = [\n1,\n]\nother = 1",
      ],
      ["a key of that name elsewhere", "[auth]\nresult_storage = 1\nresult_storage_x = 2"],
      ["a table whose name begins so", "[result_storage_x]\na = 1"],
      [
        "a text that looks like it",
        "a = \"\"\"\n[result_storage]\nbackend = 1\n\"\"\"\nb = '''\n[result_storage]\n'''",
      ],
      ["quotes that end a long text", 'a = ["""x"""", 1]\n[result_storage]\nb = 1\n[c]\nd = "# ["'],
      [
        "an array over lines",
        'a = [\n  ["result_storage"], # ]\n]\n[result_storage]\nb = [\n[1],\n]\n[c]\nd = 1',
      ],
      ["escapes", 'a = "\\""\nb = \'\\\'\n[result_storage]\nc = """\\""""\n[d]\ne = 1'],
    ])("replaces no more than it has to: %s", (_title, toml) => {
      const { result_storage: _, ...rest } = parse(toml);
      expect(parse(normalised(toml, awk))).toEqual({ ...rest, result_storage: BUCKET });
    });
  });

  it("does so for any text that TOML allows", () => {
    const word = fc.constantFrom("result_storage", "a", "a.b", "[x]", "#", '"', "'", "\\", "é");
    const text = fc.array(fc.oneof(word, fc.constantFrom("\n[result_storage]\n", '"""', "'''")), {
      maxLength: 4,
    });
    const leaf = fc.oneof(
      text.map((words) => words.join("")),
      fc.array(text.map((words) => words.join(" "))),
    );
    const table = fc.dictionary(word, fc.oneof(leaf, fc.dictionary(word, leaf)), { maxKeys: 5 });
    fc.assert(
      fc.property(table, (given) => {
        const { result_storage: _, ...rest } = given;
        expect(parse(normalised(stringify(given)))).toEqual({ ...rest, result_storage: BUCKET });
      }),
      { numRuns: 30 },
    );
  });
});

describe("agentCommand", () => {
  it("becomes the agent", () => {
    const config = { source: "rendered", toml: 'agent_id = "x"' } as const;
    const ran = run(agentCommand(), agentEnvironment(config));
    expect(ran.arguments).toBe("dbward-agent --config /tmp/agent.toml");
    expect(ran.read("agent.toml")).toBe('agent_id = "x"\n');
    expect(ran.environment).not.toMatch(/^DBWARD_/m);
  });
});
