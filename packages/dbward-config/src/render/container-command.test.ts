import { execFileSync, spawnSync } from "node:child_process";
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
import { afterAll, describe, expect, it } from "vitest";
import { readConfig } from "../check-config.ts";
import {
  agentCommand,
  agentEnvironment,
  type ContainerConfig,
  serverCommand,
  serverEnvironment,
} from "./container-command.ts";
import { renderServerConfig } from "./render-server-config.ts";

const BUCKET = { backend: "s3", bucket: "results-bucket", region: "eu-central-1" } as const;
const SSM: ContainerConfig = { config: { source: "ssm", parameter: "/dbward/server" }, secretVariables: [] };
const rendered = (toml: string, secretVariables: readonly string[] = []): ContainerConfig => ({
  config: { source: "rendered", toml },
  secretVariables,
});

const folder = mkdtempSync(join(tmpdir(), "container-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Every awk of this machine; the images have Debian's, which is mawk. */
const AWKS = ["mawk", "gawk", "original-awk", "busybox"].filter((name) =>
  (process.env.PATH ?? "").split(delimiter).some((path) => existsSync(join(path, name))),
);

it("is tested with at least one awk", () => {
  expect(AWKS).not.toEqual([]);
});

/** A folder with programs that show what they get, and an `awk`, at the front of the PATH. */
function makeHome(awk: string): { home: string; bin: string } {
  const home = mkdtempSync(join(folder, "run-"));
  const bin = join(home, "bin");
  mkdirSync(bin);
  for (const name of ["dbward-server", "dbward-agent"]) {
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\necho "$0 $*" > ${home}/arguments; env -0 > ${home}/environment; umask > ${home}/umask; ls -l ${home}/*.toml > ${home}/mode\n`,
    );
    chmodSync(join(bin, name), 0o755);
  }
  if (awk === "busybox")
    writeFileSync(join(bin, "awk"), '#!/bin/sh\nexec busybox awk "$@"\n', { mode: 0o755 });
  else symlinkSync(execFileSync("which", [awk], { encoding: "utf8" }).trim(), join(bin, "awk"));
  return { home, bin };
}

/** Runs a container's command, in which a folder of the test takes the place of /tmp. */
function run(command: readonly string[], environment: Readonly<Record<string, string>>, awk = AWKS[0]!) {
  const { home, bin } = makeHome(awk);
  const [program, ...rest] = command.map((word) => word.replaceAll("/tmp/", `${home}/`));
  const { status, stderr } = spawnSync(program!, rest, {
    env: { PATH: `${bin}${delimiter}/usr/bin${delimiter}/bin`, ...environment },
    encoding: "utf8",
  });
  const read = (name: string) => readFileSync(join(home, name), "utf8");
  return {
    status,
    stderr,
    read,
    began: () => existsSync(join(home, "arguments")),
    arguments: () => read("arguments").replaceAll(`${bin}/`, "").replaceAll(home, "/tmp").trim(),
    environment: () =>
      Object.fromEntries(
        read("environment")
          .split("\0")
          .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
      ),
  };
}

/** The server.toml that comes of a text in SSM. */
function fromParameter(toml: string, awk?: string): string {
  const environment = { ...serverEnvironment(SSM.config, BUCKET), DBWARD_CONFIG_TOML: toml };
  return run(serverCommand(SSM), environment, awk).read("server.toml");
}

describe("serverCommand", () => {
  it("becomes the server, with a file that only it can read and without the text in its environment", () => {
    const container = rendered("# café \\n %s $HOME `id` 'x'\n");
    const environment = serverEnvironment(container.config, BUCKET);
    const ran = run(serverCommand(container), environment);
    expect(ran.arguments()).toBe("dbward-server --listen 0.0.0.0:3000 --config /tmp/server.toml");
    expect(ran.read("server.toml")).toBe(environment.DBWARD_CONFIG_TOML);
    expect(ran.read("server.toml")).toContain("# café \\n %s $HOME `id` 'x'\n");
    expect(ran.read("mode")).toMatch(/^-rw-------/);
    expect(ran.read("umask")).not.toMatch(/77/);
    expect(Object.keys(ran.environment()).filter((name) => name.startsWith("DBWARD_"))).toEqual([]);
  });

  it("takes flags for the server at its end", () => {
    const [shell, flag, script] = serverCommand(rendered(""));
    const ran = run([shell!, flag!, `${script} --force-bootstrap`], { DBWARD_CONFIG_TOML: "" });
    expect(ran.arguments()).toMatch(/server\.toml --force-bootstrap$/);
  });

  describe.each(AWKS)("with a text from SSM and %s", (awk) => {
    it.each([
      ["nothing of what is added", "[retention]\naudit_ttl_days = 3"],
      ["an empty text", ""],
      ["a byte order mark", '\uFEFF[result_storage]\nbackend = "local"\n[retention]\nresult_ttl_days = 1'],
      ["a byte order mark and a key", '\uFEFFstate_dir = "/data"'],
      [
        "the table of the hand-run deployment",
        '[result_storage]\nbackend = "local"\nroot_dir = "/data/results"\n[mcp]',
      ],
      ["the table at the end, without a line end", '[mcp]\n[result_storage]\nbackend = "s3"'],
      ["keys that stay", '[result_storage]\nmax_persist_bytes = 5\nbackend = "s3"\nprefix = "results/a"\n'],
      ["tables below it", "[result_storage.s3]\na = 1\n[result_storage]\nbackend = 's3'\n[x]\nc = 3"],
      ["spaces, quotes and a comment", "  [ 'result_storage' ] # mine\n 'backend' = 1\n\"bucket\"=2\nx = 3"],
      [
        "the metrics role in comments alone",
        '# [[auth.roles]]\n# name = "cloudwatch-metrics"\n[[auth.roles]]\nname = "x" # name = "cloudwatch-metrics"\npermissions = []\n',
      ],
      ["white space at the ends of lines", '[result_storage] \t\nbackend = "local"  \n[mcp]\t\n'],
      ["Windows line ends", '[result_storage]\r\nbackend = "local"\r\n\r\n[mcp]\r\nenabled = true\r\n'],
      ["a key of that name elsewhere", "[mcp]\nresult_storage = 1\nbackend = 2"],
      ["a table whose name begins so", "[result_storage_x]\nbackend = 1"],
      ["an array of many lines under a key that goes", '[result_storage]\nbackend = [\n"[mcp]",\n]\nx = 1'],
      [
        "a text that looks like it",
        "a = \"\"\"\n[result_storage]\nbackend = 1\n\"\"\"\nb = '''\n[result_storage]\n'''",
      ],
      ["quotes that end a long text", 'a = ["""x"""", 1]\n[result_storage]\nbackend = 1\n[c]\nd = "# ["'],
      ["escapes", 'a = "\\""\nb = \'\\\'\n[result_storage]\nbucket = """\\""""\n[d]\ne = 1'],
      ["defaults with quotes and brackets", 'a = "$' + '{A:-["}"\n[result_storage]\nbackend = 1'],
      ["a log format", "[logging]\nlevel = 'debug'\nformat = 'text'"],
      ["no log format", "[logging] # mine\nlevel = 'debug'\n[mcp]"],
      [
        "the role",
        '[ "auth" . roles ]\n[[ auth.\'roles\' ]]\nname = "cloudwatch-metrics" # mine\npermissions = []',
      ],
      ["a bracket that closes nothing", "]\n[result_storage]\nbackend = 's3'"],
      ["other roles", "[[auth.roles]]\nname = 'cloudwatch-metrics-2'\npermissions = ['metrics.view']"],
    ])("produces the same as for a file: %s", (_title, toml) => {
      expect(fromParameter(toml, awk)).toBe(renderServerConfig(toml, BUCKET).text);
    });

    it("produces the same for any text", { timeout: 60_000 }, () => {
      const words = fc.constantFrom(
        ..."[result_storage]|[ 'result_storage' ]|[[auth.roles]]|[logging]|[x]|backend|name|format|state_dir".split(
          "|",
        ),
        ...[" = ", "=", '"', "'", '"""', "'''", "[", "]", "{", "}", "\\", "#", "\n", "\r\n", "\t", "é", "$"],
        ...["cloudwatch-metrics", `\${X:-"}`, `\${X}`, "$" + "{"],
      );
      const text = fc.array(words, { maxLength: 40 }).map((list) => list.join(""));
      fc.assert(
        fc.property(text, (toml) => {
          expect(fromParameter(toml, awk)).toBe(renderServerConfig(toml, BUCKET).text);
        }),
        { numRuns: 40 },
      );
    });
  });
});

describe("agentCommand", () => {
  it("becomes the agent, with its unchanged text", () => {
    const container = rendered('agent_id = "x"');
    const ran = run(agentCommand(container), agentEnvironment(container.config));
    expect(ran.arguments()).toBe("dbward-agent --config /tmp/agent.toml");
    expect(ran.read("agent.toml")).toBe('agent_id = "x"');
    expect(Object.keys(ran.environment()).filter((name) => name.startsWith("DBWARD_"))).toEqual([]);
  });
});

describe.each(AWKS)("secrets, with %s", (awk) => {
  const TOML =
    '[server]\nurl = "http://server:3000"\nagent_token = "$' +
    '{TOKEN}"\n[databases.app.prod]\nurl = "$' +
    '{URL}"\n';
  const container = rendered(TOML, ["TOKEN", "URL"]);

  function read(secret: string) {
    const ran = run(
      agentCommand(container),
      { ...agentEnvironment(container.config), TOKEN: secret, URL: "postgres://a@b/c\r\n" },
      awk,
    );
    expect(ran.status).toBe(0);
    const { config } = readConfig("agent", ran.read("agent.toml"), ran.environment());
    expect(config).toMatchObject({ databases: { app: { prod: { url: "postgres://a@b/c" } } } });
    return (config as { server: { agent_token: unknown } }).server.agent_token;
  }

  it.each([
    ["a line end", "secret\n", "secret"],
    ["line ends of Windows", "secret\r\n\r\n", "secret"],
    ["quotes and backslashes", `a"b'c\\d\\"`, `a"b'c\\d\\"`],
    ["what looks like a variable", `a\${B}c$`, `a\${B}c$`],
    ["lines and control characters", "a\nb\tc\u0001\u001f\u007f", "a\nb\tc\u0001\u001f\u007f"],
    ["other letters", "päss wörd 🔑 %s `id` $(id)", "päss wörd 🔑 %s `id` $(id)"],
    ["nothing", "", ""],
  ])("dbward reads a value with %s as it is", (_title, secret, expected) => {
    expect(read(secret)).toBe(expected);
  });

  it("dbward reads any value as it is", { timeout: 60_000 }, () => {
    const value = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom('"', "\\", "$", "{", "}", "\n", "'"),
          fc.string({ minLength: 1, maxLength: 1 }),
        ),
      })
      .filter((text) => !text.includes("\0") && !/[\r\n]$/.test(text));
    fc.assert(
      fc.property(value, (secret) => {
        expect(read(secret)).toBe(secret);
      }),
      { numRuns: 20 },
    );
  });

  it("passes a program its own secrets unchanged, without line ends at the end", () => {
    const licence = { ...rendered(""), programVariables: ["LICENCE"] };
    const ran = run(serverCommand(licence), { DBWARD_CONFIG_TOML: "", LICENCE: 'a"b\\c$\r\n' }, awk);
    expect(ran.environment().LICENCE).toBe('a"b\\c$');
  });

  it.each([
    ["JSON", '{"username":"u","password":"canary"}'],
    ["a space before it", " postgres://u:canary@h/d"],
    ["capital letters", "Postgres://u:canary@h/d"],
    ["nothing", ""],
  ])("doesn't start dbward with %s instead of a URL, and doesn't print it", (_title, value) => {
    const ran = run(
      agentCommand(container),
      { ...agentEnvironment(container.config), TOKEN: "x", URL: value },
      awk,
    );
    expect(ran.status).toBe(1);
    expect(ran.began()).toBe(false);
    expect(ran.stderr).toMatch(/^The secret of URL is not a URL: postgres:\/\//);
    expect(ran.stderr).not.toContain("canary");
  });

  it("checks only whole URLs", () => {
    const toml =
      '# url = "$' + '{A}"\nother = "$' + '{A}"\nurl = "https://$' + '{A}/x"\nurl_2 = "$' + '{A}"\n';
    const ran = run(agentCommand(rendered(toml, ["A"])), { DBWARD_CONFIG_TOML: toml, A: "secret" }, awk);
    expect(ran.status).toBe(0);
  });
});
