import { describe, expect, it } from "vitest";
import { readConfig } from "../check-config.ts";
import { renderServerConfig } from "./render-server-config.ts";

const BUCKET = { backend: "s3", bucket: "results-bucket", region: "eu-central-1" } as const;

/** What dbward reads in a rendered text. */
function read(toml: string, storage: Parameters<typeof renderServerConfig>[1] = BUCKET) {
  const { config, problems } = readConfig("server", renderServerConfig(toml, storage).text, {});
  expect(problems).toEqual([]);
  return config as Record<string, unknown>;
}

describe("renderServerConfig", () => {
  it("adds what the deployment sets, and keeps the rest unchanged", () => {
    const toml = [
      "# mine",
      '[result_storage] # "mine"',
      'backend = "local"',
      "# stays",
      "max_persist_bytes = 5",
      "[logging]",
      'level = "debug" # mine',
      "[mcp]",
      "enabled = false",
    ].join("\n");
    const { text, origins, replaced } = renderServerConfig(toml, BUCKET);
    expect(text).toBe(`state_dir = "/data"
# mine
[result_storage] # "mine"
backend = "s3"
bucket = "results-bucket"
region = "eu-central-1"
# stays
max_persist_bytes = 5
[logging]
format = "json"
level = "debug" # mine
[mcp]
enabled = false

[[auth.roles]]
name = "cloudwatch-metrics"
permissions = ["metrics.view"]
`);
    expect(origins.slice(0, 13)).toEqual([
      undefined,
      1,
      2,
      undefined,
      undefined,
      undefined,
      4,
      5,
      6,
      undefined,
      7,
      8,
      9,
    ]);
    expect(replaced).toEqual([{ line: 3, key: "backend", text: 'backend = "local"' }]);
  });

  it("makes a text that dbward accepts of an empty one", () => {
    expect(read("")).toEqual({
      state_dir: "/data",
      logging: { format: "json" },
      auth: { roles: [{ name: "cloudwatch-metrics", permissions: ["metrics.view"] }] },
      result_storage: BUCKET,
    });
  });

  it("does not change its own output", () => {
    const once = renderServerConfig("", BUCKET).text;
    expect(renderServerConfig(once, BUCKET).text).toBe(once);
  });

  it("puts results on the file system", () => {
    expect(read("", { backend: "local" }).result_storage).toEqual({
      backend: "local",
      root_dir: "/data/results",
    });
  });

  it("keeps tokens of the CDK", () => {
    const bucket = "$" + "{Token[TOKEN.42]}";
    expect(renderServerConfig("", { ...BUCKET, bucket }).text).toContain(`bucket = "${bucket}"`);
  });

  it("replaces where results are kept, and keeps all other keys", () => {
    const toml =
      '[result_storage]\nroot_dir = "/x"\nendpoint = "http://x"\naccess_key_id = "a"\nsecret_access_key = "b"\n' +
      'bucket = "mine"\nprefix = "results/a"\npath_style = true\nmax_persist_bytes = 7\n';
    expect(read(toml).result_storage).toEqual({
      ...BUCKET,
      prefix: "results/a",
      path_style: true,
      max_persist_bytes: 7,
    });
  });

  it.each([
    ["[logging]\nlevel = 'debug'", { level: "debug", format: "json" }],
    ["[logging]", { format: "json" }],
    ["[logging]\nformat = 'text'", { format: "text" }],
  ])("sets JSON log lines in %j unless the text sets a format", (toml, logging) => {
    expect(read(toml).logging).toEqual(logging);
  });

  it("adds the metrics role where only comments name it", () => {
    const commented = '# [[auth.roles]]\n# name = "cloudwatch-metrics"\n';
    const own = '[[auth.roles]]\nname = "x" # name = "cloudwatch-metrics"\npermissions = []\n';
    for (const toml of [commented, own, commented + own]) {
      const { text } = renderServerConfig(toml, { backend: "local" });
      expect(text).toMatch(/^name = "cloudwatch-metrics"$/m);
    }
  });

  it("adds the poller's role to other roles, and not to its own", () => {
    const mine = { name: "mine", permissions: ["request.view"] };
    const poller = { name: "cloudwatch-metrics", permissions: ["metrics.view"] };
    const other = "[[auth.roles]]\nname = 'mine'\npermissions = ['request.view']\n";
    const own = "[[auth.roles]]\npermissions = ['metrics.view']\nname = 'cloudwatch-metrics'\n";
    expect(read(other).auth).toEqual({ roles: [mine, poller] });
    expect(read(own + other).auth).toEqual({ roles: [poller, mine] });
  });
});
