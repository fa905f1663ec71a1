import { createHash } from "node:crypto";
import type { StageInput } from "@dbward-aws/settings";
import { describe, expect, it, onTestFinished } from "vitest";
import { always, startHttpServer } from "../../../core/src/test-support/http-server.ts";
import type { Answers } from "../test-support/aws-peer.ts";
import { ops, withAws } from "../test-support/ops-run.ts";

const AGENT_TOML =
  '[server]\nurl = "http://server:3000"\nagent_token = "$' +
  '{DBWARD_AGENT_TOKEN}"\n[databases.app.production]\nurl = "$' +
  '{DATABASE_URL}"\n';
/** A registry that can't be reached, so that no test asks one. */
const image = (tag: string, name: string) => ({ tag, repository: `registry.invalid/dbward/${name}` });
const stage = (tags: { server: string; agents: string }): Partial<StageInput> => ({
  server: {
    image: image(tags.server, "server"),
    configToml: '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n',
  },
  agents: ["app", "reports"].map((name) => ({
    name,
    image: image(tags.agents, "agent"),
    configToml: AGENT_TOML,
    database: { urlSecret: `dbward/prod/${name}-url`, cidrs: ["10.9.0.0/16"] },
  })),
});
/** What config/versions.json of the tests has. */
const STAGE = stage({ server: "0.2.0", agents: "0.2.0" });

const running = (server: string, agents: string, more: Answers = {}): Answers => ({
  DescribeServices: ({ services }) => ({
    services: (services as string[]).map((serviceName) => ({
      serviceName,
      status: "ACTIVE",
      taskDefinition: `${serviceName}:3`,
    })),
  }),
  DescribeTaskDefinition: ({ taskDefinition }) => {
    const isServer = String(taskDefinition).startsWith("server:");
    const [name, tag] = isServer ? ["server", server] : ["agent", agents];
    return {
      taskDefinition: {
        taskDefinitionArn: "arn:aws:ecs:eu-central-1:123456789012:task-definition/x:3",
        containerDefinitions: [{ name, image: `registry.invalid/dbward/${name}:${tag}` }],
        ...(isServer && {
          volumes: [{ name: "state", efsVolumeConfiguration: { fileSystemId: "fs-0123456789abcdef0" } }],
        }),
      },
    };
  },
  DescribeStacks: ({ StackName }) => ({
    Stacks: [
      {
        StackName,
        StackStatus: "UPDATE_COMPLETE",
        CreationTime: "2026-01-01T00:00:00Z",
        Outputs: [{ OutputKey: "BackupRoleArn", OutputValue: "arn:aws:iam::123456789012:role/backup" }],
      },
    ],
  }),
  ...more,
});

/** A server of this version. @returns the option that leads to it */
async function dbward(version: string, minAgentVersion = version): Promise<string> {
  const server = await startHttpServer(
    always(200, { status: "ok", version, min_agent_version: minAgentVersion }),
  );
  onTestFinished(server.close);
  return `--url ${server.url}`;
}

describe("ops upgrade", () => {
  it("plans a backup, the server, and then the agents", async () => {
    await withAws(running("0.2.0", "0.2.0"));
    const url = await dbward("0.2.0");
    const { code, out, err } = await ops(`upgrade 0.3.0 --dry-run ${url}`, STAGE);
    expect([code, out.split("\n")]).toEqual([
      0,
      [
        "Upgrade stage prod to dbward 0.3.0:",
        expect.stringContaining("1. Back up file system fs-0123456789abcdef0"),
        expect.stringContaining("2. Deploy the server 0.3.0 in place of 0.2.0"),
        expect.stringContaining("3. Wait until it is ready"),
        expect.stringContaining("4. Deploy agent app, agent reports 0.3.0"),
        expect.stringContaining("5. Write the versions into config/versions.json"),
      ],
    ]);
    expect(err).toContain("Warning: whether registry.invalid/dbward/server:0.3.0 exists was not found out.");
  });

  it("plans the agents alone when the server runs the version", async () => {
    await withAws(running("0.3.0", "0.2.0"));
    const { out } = await ops(`upgrade 0.3.0 --dry-run ${await dbward("0.3.0")}`, STAGE);
    expect(out).toMatch(/:\n {2}1\. Deploy agent app, agent reports 0\.3\.0/);
  });

  it("has nothing to do when all of it runs", async () => {
    await withAws(running("0.3.0", "0.3.0"));
    const { code, out } = await ops(`upgrade 0.3.0 --json ${await dbward("0.3.0")}`, STAGE);
    expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ status: "nothing-to-do" })]);
  });

  it("leaves the backup out where there is none, and where it is not wanted", async () => {
    const url = await dbward("0.2.0");
    await withAws(running("0.2.0", "0.2.0"));
    expect((await ops(`upgrade 0.3.0 --dry-run --no-backup ${url}`, STAGE)).out).not.toContain("Back up");
    const DescribeBackupPolicy = () => ({ BackupPolicy: { Status: "DISABLED" } });
    const DescribeStacks = () => ({ Stacks: [] });
    await withAws(running("0.2.0", "0.2.0", { DescribeBackupPolicy, DescribeStacks }));
    expect((await ops(`upgrade 0.3.0 --dry-run ${url}`, STAGE)).out).not.toContain("Back up");
  });

  it.each([
    [
      "an older version",
      "0.1.0",
      "0.2.0",
      /The server runs 0\.2\.0, which is newer than 0\.1\.0\..*restore a backup/,
    ],
    ["agents that the server would not accept", "0.2.0", "0.2.1", /requires agents of 0\.2\.1 or newer/],
  ])("refuses %s", async (_what, tag, minAgentVersion, expected) => {
    await withAws(running("0.2.0", "0.1.0"));
    const { code, err } = await ops(`upgrade ${tag} --yes ${await dbward("0.2.0", minAgentVersion)}`, STAGE);
    expect([code, err]).toEqual([1, expect.stringMatching(expected)]);
  });

  it("refuses settings that don't read the file that it changes", async () => {
    await withAws(running("0.2.0", "0.2.0"));
    const changes = stage({ server: "0.2.0", agents: "0.2.5" });
    const { code, err } = await ops(`upgrade 0.3.0 --yes ${await dbward("0.2.0")}`, changes);
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(
        "don't take image.tag of agent app, image.tag of agent reports from config/versions.json",
      ),
    ]);
  });

  describe("with images that are pinned", () => {
    /** A registry whose images differ by name and tag. */
    const registry = async (architecture = "arm64") => {
      const server = await startHttpServer(({ url = "" }, response) =>
        response.end(JSON.stringify({ url, manifests: [{ platform: { os: "linux", architecture } }] })),
      );
      onTestFinished(server.close);
      const host = new URL(server.url).host;
      const digest = (name: string, tag: string) => {
        const url = `/v2/dbward/${name}/manifests/${tag}`;
        const manifest = JSON.stringify({ url, manifests: [{ platform: { os: "linux", architecture } }] });
        return `${tag}@sha256:${createHash("sha256").update(manifest).digest("hex")}`;
      };
      const from = { ...STAGE };
      from.server = { ...STAGE.server!, image: { tag: "0.2.0", repository: `${host}/dbward/server` } };
      from.agents = STAGE.agents!.map((agent) => ({
        ...agent,
        image: { tag: "0.2.0", repository: `${host}/dbward/agent` },
      }));
      return { from, digest };
    };

    it("names the digests of the version", async () => {
      const { from, digest } = await registry();
      await withAws(running("0.2.0", "0.2.0"));
      const { code, out } = await ops(`upgrade 0.3.0 --pin --dry-run ${await dbward("0.2.0")}`, from);
      expect([code, out]).toEqual([
        0,
        expect.stringContaining(`Deploy the server ${digest("server", "0.3.0")} in`),
      ]);
      expect(out).toContain(`Deploy agent app, agent reports ${digest("agent", "0.3.0")},`);
    });

    it("pins the version that runs", async () => {
      const { from, digest } = await registry();
      await withAws(running("0.2.0", digest("agent", "0.2.0")));
      const { out } = await ops(`upgrade 0.2.0 --pin --dry-run ${await dbward("0.2.0")}`, from);
      expect(out).toContain(`Deploy the server ${digest("server", "0.2.0")} in place of 0.2.0`);
      expect(out).not.toContain("Deploy agent");
    });

    it("refuses what has no image for the tasks' platform", async () => {
      const { from } = await registry("amd64");
      await withAws(running("0.2.0", "0.2.0"));
      const { code, err } = await ops(`upgrade 0.3.0 --yes ${await dbward("0.2.0")}`, from);
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(/is for linux\/amd64, and tasks run on linux\/arm64/),
      ]);
    });

    it("refuses to pin what no registry tells the digest of", async () => {
      await withAws(running("0.2.0", "0.2.0"));
      const { code, err } = await ops(`upgrade 0.3.0 --pin --yes ${await dbward("0.2.0")}`, STAGE);
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(/The digest of registry\.invalid.* was not found out/),
      ]);
    });
  });
});
