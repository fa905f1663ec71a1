import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkConfig, readConfig } from "./check-config.ts";

const STATE = 'state_dir = "/data"\n';

function rulesOf(text: string, variables = {}): string[] {
  return checkConfig("server", text, variables).map(({ line, rule }) => `${line} ${rule}`);
}

describe("checkConfig", () => {
  it("gives all mistakes at once, with their lines and paths", () => {
    const text = `
[[databases]]
name = "app"
environments = ["Production"]
[[workflows]]
operations = ["select"]
[[workflows.steps]]
mode = "some"
approvers = [{ user = "bob", min = 2 }]
`;
    expect(checkConfig("server", text, {}).map(({ line, rule, path }) => ({ line, rule, path }))).toEqual([
      { line: 1, rule: "required", path: "state_dir" },
      { line: 4, rule: "name", path: "databases[0].environments[0]" },
      { line: 6, rule: "workflow-operation", path: "workflows[0].operations[0]" },
      { line: 8, rule: "workflow-step-mode", path: "workflows[0].steps[0].mode" },
      { line: 9, rule: "workflow-min", path: "workflows[0].steps[0].approvers[0].min" },
    ]);
  });

  it("says what is wrong and what is accepted", () => {
    const text = `${STATE}[logging]\nformat = "xml"\nlevel = 1\n[[sql_review]]\ndrop_tables = "block"\n`;
    expect(checkConfig("server", text, {}).map(({ message }) => message)).toEqual([
      'logging.format is "xml". It must be "text" or "json".',
      "logging.level must be a string, not an integer.",
      expect.stringMatching(
        /^sql_review\[0\]\.drop_tables is not a setting of dbward\. The settings here are .*drop_table,/,
      ),
    ]);
  });

  it("counts the places of an array's elements with those of a wrong type", () => {
    const [, problem] = checkConfig(
      "server",
      `${STATE}webhooks = [1, { id = "A", url = "https://192.0.2.1/" }]`,
      {},
    );
    expect(problem?.path).toBe("webhooks[1].id");
  });

  it("goes on behind variables that are missing, without blaming what stands for them", () => {
    const text = `${STATE}[logging]\nformat = "\${FORMAT}"\n[retention]\nrequest_ttl_days = \${DAYS}\naudit_ttl_days = "1"\n`;
    expect(rulesOf(text)).toEqual(["3 variable-unset", "5 variable-unset", "6 type"]);
  });

  it("reports a mistake in a value at the line of its reference", () => {
    const text = `${STATE}\n\${MORE}\n[logging]\nformat = "\${FORMAT}"\n`;
    const variables = { MORE: "[retention]\nrequest_ttl_days = 1\naudit_ttl_days = -1", FORMAT: "xml" };
    expect(rulesOf(text, variables)).toEqual(["3 type", "5 logging-format"]);
    expect(rulesOf(`${STATE}\n[audit]\nredaction = "\${TEXT}"\n`, { TEXT: 'a"b' })).toEqual(["4 toml"]);
  });

  it("puts neither values of variables nor secrets into messages", () => {
    const canary = "Canary";
    const texts = [
      `${STATE}[logging]\nformat = "\${X}"\n[\${X}.a]\n[[auth.groups]]\nname = "\${X}"\nroles = ["\${X}"]\nmembers = []\n`,
      `${STATE}[[sql_review]]\n\${X} = 1\n[[databases]]\nname = "\${X}"\nenvironments = ["\${X}"]\n`,
      `${STATE}\${X}\n`,
      `${STATE}a = "\${X}\n`,
      `${STATE}[[webhooks]]\nid = "a"\nurl = "ftp://Canary"\n[slack]\nbot_token = 1\nsigning_secret = ["Canary"]\n`,
      `${STATE}[[workflows]]\nsteps = [{ approvers = [{ user = "\${X}" }] }, { approvers = [{ user = "\${X}" }] }]\n`,
    ];
    for (const text of texts) {
      const problems = checkConfig("server", text, { X: canary });
      expect(problems, text).not.toEqual([]);
      expect(JSON.stringify(problems), text).not.toContain(canary);
    }
    const agent = `[server]\nurl = "tcp://Canary"\nagent_token = "Canary"\n[databases.\${X}.a]\nurl = "Canary"\n`;
    const problems = checkConfig("agent", agent, { X: canary });
    expect(problems).toHaveLength(4);
    expect(JSON.stringify(problems)).not.toContain(canary);
  });

  it("never throws", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        '"',
        "'",
        ".",
        ",",
        "${",
        "A",
        "state_dir",
        "__proto__",
        "1",
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom("server", "agent"),
        fc.array(piece, { maxLength: 40 }),
        (program, pieces) => {
          expect(Array.isArray(checkConfig(program, pieces.join(""), { A: "x" }))).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["keys", (n: number) => `[x]\n${Array.from({ length: n / 14 }, (_, i) => `k${i} = ${i}\n`).join("")}`],
    ["tables", (n: number) => "[[auth.groups]]\nname = 1\n".repeat(n / 25)],
    ["elements", (n: number) => `[[result_policies]]\naccess = [${'"x",'.repeat(n / 4)}]\n`],
    ["workflows", (n: number) => '[[workflows]]\nauto_approve = { mode = "always" }\n'.repeat(n / 48)],
    ["comments", (n: number) => "# x\n".repeat(n / 4)],
  ])(
    "handles a megabyte of %s",
    (_name, make) => {
      const start = performance.now();
      checkConfig("server", STATE + make(1_000_000), {});
      expect(performance.now() - start).toBeLessThan(60_000);
    },
    90_000,
  );
});

describe("the rules that look at the environment", () => {
  const token = `dbw_${"0".repeat(32)}`;
  const agent = (url: string, database = "postgres://db/app") =>
    `[server]\nurl = "${url}"\nagent_token = "${token}"\nallow_insecure = true\n[databases.app.production]\nurl = "${database}"\n`;

  it("lets DBWARD_ALLOW_INSECURE win over the file", () => {
    const text = agent("http://192.0.2.1:3000");
    expect(checkConfig("agent", text, {})).toEqual([]);
    expect(checkConfig("agent", text, { DBWARD_ALLOW_INSECURE: "1" })).toEqual([]);
    expect(checkConfig("agent", text, { DBWARD_ALLOW_INSECURE: "" })).toHaveLength(1);
  });

  it("finds two passwords for one user", () => {
    const text = agent("https://server", "postgres://app:one@db:5432/app");
    expect(checkConfig("agent", text, { OTHER: "postgresql://app:one@DB/reports" })).toEqual([]);
    expect(checkConfig("agent", text, { OTHER: "postgresql://app:two@DB/reports" })).toHaveLength(1);
    expect(checkConfig("agent", text, { OTHER: "mysql://app:two@db:5432/app" })).toEqual([]);
    expect(checkConfig("agent", text, { OTHER: "postgres://reader:two@db:5432/app" })).toEqual([]);
  });

  it("does not limit the number of databases with a licence", () => {
    const database = (name: string) => `[[databases]]\nname = "${name}"\nenvironments = ["x", "y"]\n`;
    const text = STATE + ["a", "b", "c", "d"].map(database).join("");
    expect(rulesOf(text)).toEqual(["12 database-limit"]);
    expect(rulesOf(text, { DBWARD_LICENSE_KEY: " " })).toEqual(["12 database-limit"]);
    expect(rulesOf(text, { DBWARD_LICENSE_KEY: "key" })).toEqual([]);
  });

  it("accepts the other half of S3 credentials in a variable", () => {
    const text = `${STATE}[result_storage]\nbackend = "s3"\naccess_key_id = "a"\n`;
    expect(rulesOf(text)).toEqual(["4 result-storage-credentials"]);
    expect(rulesOf(text, { AWS_SECRET_ACCESS_KEY: "b" })).toEqual([]);
  });
});

describe("readConfig", () => {
  it("returns the content after expansion", () => {
    const text = `${STATE}[retention]\nrequest_ttl_days = \${DAYS:-30}\n[__proto__]\nx = 9007199254740993\n`;
    const { problems, config } = readConfig("server", text, {});
    expect(problems).toEqual([]);
    expect(config?.retention).toEqual({ request_ttl_days: 30 });
    expect(Object.keys(config ?? {})).toEqual(["state_dir", "retention", "__proto__"]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it("returns it also when dbward refuses it, but not with a missing variable or invalid TOML", () => {
    expect(readConfig("server", "[logging]\nlevel = 1\n", {}).config).toEqual({ logging: { level: 1 } });
    expect(readConfig("server", `${STATE}# \${UNSET}\n`, {}).config).toBeUndefined();
    expect(readConfig("server", "a = \n", {}).config).toBeUndefined();
  });
});
