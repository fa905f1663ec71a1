import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NEW_CONFIG_FILE, putStage, type StageExpressions } from "./put-stage.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const SHIPPED = readFileSync(join(ROOT, "dbward.config.ts"), "utf8");

const stageWith = ({ server, agents, state }: StageExpressions) => ({
  state,
  network: { vpcId: "vpc-00000001", subnets: ["subnet-00000001", "subnet-00000002"] },
  server: { image: { tag: server }, configFile: "config/new.server.toml", loadBalancer: undefined },
  agents: [{ name: "app", image: { tag: agents }, database: { urlSecret: "db/url", cidrs: ["10.0.0.0/8"] } }],
});
const small = ({ server }: StageExpressions) => ({ tag: server });

function put(source: string, stage = "new", make: (tags: StageExpressions) => object = small): string {
  const result = putStage(source, stage, make);
  if ("problem" in result) throw new Error(result.problem);
  return result.text;
}

/** As Biome leaves a text. */
function formatted(text: string): string {
  return execFileSync(
    join(ROOT, "node_modules/.bin/biome"),
    ["format", "--stdin-file-path=dbward.config.ts"],
    {
      cwd: ROOT,
      input: text,
      encoding: "utf8",
    },
  );
}

const HELPERS =
  'import { readState } from "@dbward-aws/settings";\nconst serverTag = (s) => s;\nfunction agentTag(s) {}\n';

describe("putStage", () => {
  it("adds a stage to the shipped file, formatted as the rest, and changes nothing else", () => {
    const text = put(SHIPPED, "new", stageWith);
    expect(text).toBe(formatted(text));
    const added = text.slice(text.indexOf("\n\n    new: {"), text.lastIndexOf("\n  },\n});"));
    expect(text.replace(added, "")).toBe(SHIPPED);
    expect(added).toContain('image: { tag: serverTag("new") }');
    expect(added).toContain('subnets: ["subnet-00000001", "subnet-00000002"]');
    expect(added).not.toContain("loadBalancer");
    expect(added).toContain('new: {\n      ...readState(STATE, "new"),\n');
  });

  it("replaces a stage with the comment above it, and nothing else", () => {
    const text = put(SHIPPED, "dev", stageWith);
    expect(text).toBe(formatted(text));
    expect(text).not.toContain("for experiments in AWS");
    expect(text).toContain("/** The emulated account on this machine: `pnpm local`. */");
    expect(text.slice(text.indexOf("/** An example in the VPC of the database"))).toBe(
      SHIPPED.slice(SHIPPED.indexOf("/** An example in the VPC of the database")),
    );
  });

  it("reads the versions and the file system where the file has no names for them, with the imports that it lacks", () => {
    expect(put(NEW_CONFIG_FILE, "a-b", stageWith)).toMatchInlineSnapshot(`
      "import { defineConfig, readState, readVersions } from "@dbward-aws/settings";

      export default defineConfig({
        stages: {
          "a-b": {
            ...readState(new URL("./config/state.json", import.meta.url), "a-b"),
            network: { vpcId: "vpc-00000001", subnets: ["subnet-00000001", "subnet-00000002"] },
            server: {
              image: { tag: readVersions(new URL("./config/versions.json", import.meta.url), "a-b").server },
              configFile: "config/new.server.toml",
            },
            agents: [
              {
                name: "app",
                image: { tag: readVersions(new URL("./config/versions.json", import.meta.url), "a-b").agents },
                database: { urlSecret: "db/url", cidrs: ["10.0.0.0/8"] },
              },
            ],
          },
        },
      });
      "
    `);
    expect(
      put(
        `import {\n  defineConfig, // mine\n} from "@dbward-aws/settings";\nexport default { stages: {} };`,
      ),
    ).toMatch(/^import \{\n {2}defineConfig, readState, readVersions, \/\/ mine\n\} from/);
    expect(
      put(`import { readVersions as read } from "@dbward-aws/settings";\nexport default { stages: {} };`),
    ).toContain("tag: read(new URL");
    expect(
      put(`import type { StageInput } from "@dbward-aws/settings";\nexport default { stages: {} };`),
    ).toMatch(/^import \{ readState, readVersions \} from "@dbward-aws\/settings";\nimport type/);
  });

  it.each([
    [
      "without a comma at the end",
      "{\n  stages: {\n    a: 1 // one\n  }\n}",
      "{\n  stages: {\n    a: 1, // one\n\n    new: NEW,\n  }\n}",
    ],
    [
      "with comments at the end",
      "{\n  stages: {\n    a: 1, // one\n    // end\n  },\n}",
      "{\n  stages: {\n    a: 1, // one\n\n    new: NEW,\n    // end\n  },\n}",
    ],
    ["on one line", "{ stages: { a: 1 } }", "{ stages: { a: 1,\n  new: NEW,\n } }"],
    [
      "empty, with a comment",
      "{\n  stages: {\n    // none yet\n  },\n}",
      "{\n  stages: {\n    // none yet\n    new: NEW,\n  },\n}",
    ],
    [
      "indented by tabs",
      "{\n\tstages: {\n\t\ta: {},\n\t},\n}",
      "{\n\tstages: {\n\t\ta: {},\n\n\t\tnew: NEW,\n\t},\n}",
    ],
    [
      "indented by four spaces",
      "{\n    stages: {\n        a: {},\n    },\n}",
      "{\n    stages: {\n        a: {},\n\n        new: NEW,\n    },\n}",
    ],
    [
      "with Windows line ends",
      "{\r\n  stages: {\r\n    a: 1,\r\n  },\r\n}",
      "{\r\n  stages: {\r\n    a: 1,\r\n\r\n    new: NEW,\r\n  },\r\n}",
    ],
    [
      "with others spread into it",
      "{\n  stages: {\n    ...others,\n  },\n}",
      "{\n  stages: {\n    ...others,\n\n    new: NEW,\n  },\n}",
    ],
    [
      "in quotes",
      "{\n  'stages': {\n    a: 1,\n    // mine\n    'new': 1, // same line\n  },\n}",
      "{\n  'stages': {\n    a: 1,\n    new: NEW, // same line\n  },\n}",
    ],
    [
      "after a comment that is not its own",
      "{\n  stages: {\n    a: 1, // a's\n\n    // of all\n\n    /* own */\n    new: 1,\n  },\n}",
      "{\n  stages: {\n    a: 1, // a's\n\n    // of all\n\n    new: NEW,\n  },\n}",
    ],
  ])("keeps the formatting of an object %s", (_title, object, expected) => {
    const text = put(`${HELPERS}export default ${object};\n`);
    expect(text).toBe(
      `${HELPERS}export default ${expected.replace("NEW", '{ tag: serverTag("new") }')};\n`.replace(/^/, ""),
    );
  });

  it("indents what is nested by the file's own steps", () => {
    const text = put("export default {\n\tstages: {\n\t\ta: {},\n\t},\n};\n", "new", stageWith);
    expect(text).toContain("\n\t\tnew: {\n\t\t\t...readState(");
    expect(text).toContain("\n\t\t\tagents: [\n\t\t\t\t{\n\t\t\t\t\tname:");
    expect(text).not.toMatch(/^ /m);
  });

  it.each([
    [
      "constants",
      "const stages = {\n  a: 1,\n};\nconst config = defineConfig({ stages });\nexport default config;",
    ],
    ["types", "export default ({ stages: ({ a: 1 }) as never } satisfies object);"],
  ])("finds the stages behind %s", (_title, source) => {
    expect(put(source)).toContain("new: { tag:");
  });

  it.each([
    ["export default {", /can't be parsed/],
    ["const a = 1;", /no default export/],
    ["export default makeConfig({ stages: {} });", /not defineConfig/],
    ["export default await load();", /not an object/],
    ["export default { ...base };", /`stages` is not an object/],
    ["export default { stages: load() };", /`stages` is not an object/],
    ["export default { stages: { new() {} } };", /stage new is not an object/],
    ["const config = config; export default config;", /not an object/],
  ])("refuses %s in words, and gives the block", (source, problem) => {
    const result = putStage(source, "new", small);
    expect(result).toMatchObject({
      problem: expect.stringMatching(problem),
      block: expect.stringMatching(/^new: \{/),
    });
  });
});
