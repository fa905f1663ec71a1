import fc from "fast-check";
import { parse, stringify, type TomlTable } from "smol-toml";
import { describe, expect, it } from "vitest";
import { renderServerConfig } from "./render-server-config.ts";

const BUCKET = { backend: "s3", bucket: "results-bucket", region: "eu-central-1" } as const;

describe("renderServerConfig", () => {
  it("adds what the deployment owns and keeps the rest as it was written", () => {
    const toml = [
      "# mine",
      '[result_storage] # "goes"',
      'backend = "local"',
      "# stays",
      "[result_storage.more]",
      "list = [",
      "  [1], # ]",
      "]",
      "[auth]",
      'mode = "token" # kept',
    ].join("\n");
    expect(renderServerConfig(toml, BUCKET)).toBe(`state_dir = "/data"
# mine
# stays
[auth]
mode = "token" # kept

[logging]
format = "json"

[[auth.roles]]
name = "cloudwatch-metrics"
permissions = ["metrics.view"]

[result_storage]
backend = "s3"
bucket = "results-bucket"
region = "eu-central-1"
`);
  });

  it("gives the same text when it renders its own", () => {
    const once = renderServerConfig("", BUCKET);
    expect(parse(renderServerConfig(once, BUCKET))).toEqual(parse(once));
  });

  it("keeps numbers and dates as they are, where it has to write the file anew", () => {
    const toml = "auth = {}\nbig = 9007199254740993\nday = 2026-01-02\nmoment = 2026-01-02T03:04:05Z\n";
    const rendered = renderServerConfig(toml, BUCKET);
    for (const line of ["big = 9007199254740993", "day = 2026-01-02", "moment = 2026-01-02T03:04:05"])
      expect(rendered).toContain(line);
  });

  it("puts results on the file system", () => {
    expect(parse(renderServerConfig("", { backend: "local" })).result_storage).toEqual({
      backend: "local",
      root_dir: "/data/results",
    });
  });

  it("carries tokens of the CDK", () => {
    const bucket = "$" + "{Token[TOKEN.42]}";
    expect(renderServerConfig("", { ...BUCKET, bucket })).toContain(`bucket = "${bucket}"`);
  });

  it.each([
    ["[logging]\nlevel = 'debug'", { level: "debug", format: "json" }],
    ["[logging]", { format: "json" }],
    ["logging = { level = 'debug' }", { level: "debug", format: "json" }],
    ["logging.level = 'debug'", { level: "debug", format: "json" }],
    ["[logging]\nformat = 'text'", { format: "text" }],
  ])("asks for JSON log lines in %j unless told otherwise", (toml, logging) => {
    expect(parse(renderServerConfig(toml, BUCKET)).logging).toEqual(logging);
  });

  it.each([
    "[[auth.roles]]\nname = 'mine'\npermissions = []",
    "[auth]\nroles = [{ name = 'mine', permissions = [] }]",
    "auth = { roles = [{ name = 'mine', permissions = [] }] }",
  ])("adds the poller's role to %j", (toml) => {
    expect(parse(renderServerConfig(toml, BUCKET)).auth).toEqual({
      roles: [
        { name: "mine", permissions: [] },
        { name: "cloudwatch-metrics", permissions: ["metrics.view"] },
      ],
    });
  });

  it.each([
    "result_storage = { backend = 's3', bucket = 'x' }",
    "result_storage.backend = 's3'\nresult_storage.bucket = 'x'",
    "[ 'result_storage' ]\nbackend = 's3'",
    '["result_storage"."x"]\nbackend = "s3"\r\n[[result_storage.y]]\r\nz = """\r\n[auth]\r\n"""\r\n',
  ])("replaces %j", (toml) => {
    const table = parse(renderServerConfig(toml, BUCKET));
    expect(table).toEqual(parse(renderServerConfig("", BUCKET)));
  });

  it("changes nothing else, whatever the file holds", () => {
    fc.assert(
      fc.property(tables(), (given) => {
        const rendered: TomlTable = parse(renderServerConfig(stringify(given), BUCKET));
        const { auth, logging, result_storage, state_dir: _, ...rest } = rendered;
        const { result_storage: _replaced, auth: givenAuth, logging: givenLogging, ...givenRest } = given;
        expect(rest).toEqual(givenRest);
        expect(logging).toEqual({ format: "json", ...(givenLogging as TomlTable) });
        const roles = ((givenAuth as TomlTable | undefined)?.roles ?? []) as TomlTable[];
        expect(auth).toEqual({
          ...(givenAuth as TomlTable),
          roles: [...roles, { name: "cloudwatch-metrics", permissions: ["metrics.view"] }],
        });
        expect(result_storage).toEqual(BUCKET);
      }),
    );
  });
});

/** Tables with the names that rendering looks at, and texts that look like what it looks for. */
function tables(): fc.Arbitrary<TomlTable> {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("[result_storage]", "\n[result_storage]\nbackend = 1\n", '"""', "'''", "# [", "}]"),
  );
  const leaf = fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text));
  const key = fc.oneof(
    fc.constantFrom("result_storage", "roles_", "a.b", "a b", '"', "'", "#", "[x]"),
    fc.string({ minLength: 1 }).filter((name) => name !== "__proto__"),
  );
  const table = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)), { maxKeys: 4 });
  const named = fc.record(
    {
      result_storage: fc.oneof(table, leaf),
      logging: fc.dictionary(fc.constantFrom("level", "other"), text),
      auth: fc.record(
        {
          mode: fc.constant("token"),
          roles: fc.array(fc.record({ name: text }), { minLength: 1, maxLength: 3 }),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );
  return fc.tuple(table, named).map(([some, more]) => {
    const { auth: _a, logging: _l, state_dir: _s, result_storage: _r, ...rest } = some;
    return { ...rest, ...more } as TomlTable;
  });
}
