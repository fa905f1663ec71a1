import { join } from "node:path";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Account, eventually } from "./support/account.ts";
import { agent, type Changes, changesVariable, DATABASE_URL } from "./support/changes.ts";
import { REFUSED_ROLE } from "./support/stand-in.ts";
import { startStory } from "./support/start-story.ts";

const DIRECTORY = join(import.meta.dirname, "../.local", "e2e-changed-settings");
const MINUTE = 60_000;

const ZONES = { availabilityZones: 3 };

/**
 * What may change while the stage is deployed, each step from the one before, and at the end back to the
 * first settings where that is possible.
 */
const CHANGES: Readonly<Record<string, Changes>> = {
  "results on the file system, tokens captured by a task, an internal load balancer": {
    storage: { backend: "local" },
    capture: { method: "task" },
    server: { loadBalancer: { scheme: "internal" } },
  },
  "results in a bucket that keeps them for longer, tokens captured by ECS Exec, a load balancer on the internet":
    {
      storage: { backend: "s3", retentionDays: 90 },
      server: { loadBalancer: { scheme: "internet-facing", allowPublicHttp: true } },
    },
  "no load balancer, a larger server, a second agent, metrics through the log, receivers and thresholds": {
    server: { cpu: 1024, memoryMiB: 2048, rustLog: "debug", logRetentionDays: 90, stopTimeoutSeconds: 60 },
    agents: [agent("reports"), agent("app", { cpu: 512, memoryMiB: 1024 })],
    monitoring: {
      level: "full",
      publisher: "emf",
      emails: ["ops@example.com"],
      thresholds: { "queue-growing": 7 },
    },
  },
  "two replicas with ECS Exec, tasks with public addresses in a third zone": {
    agents: [agent("app", { desiredCount: 2, ecsExec: true }), agent("reports", { ecsExec: true })],
    network: { ...ZONES, egress: "public" },
  },
  "an own token in place of the bootstrap token": {
    agents: [agent("app", { token: "own" })],
    network: ZONES,
  },
  "the first settings, in three zones": { network: ZONES },
};

/** What can't change once the stage is deployed, with what is said. */
const REFUSED: Readonly<Record<string, readonly [changes: Changes, words: RegExp]>> = {
  "the third zone": [{}, /availabilityZones can't go from 3 to 2/],
  "the VPC": [
    {
      network: {
        vpcId: "vpc-0123456789abcdef0",
        subnets: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
      },
    },
    /vpc-0123456789abcdef0/,
  ],
  "the token of an agent, by an omission": [
    { network: ZONES, agents: [agent("app", { token: undefined })] },
    /agents\.0\.token is missing.*Write token: "bootstrap" to keep/,
  ],
};

/**
 * First deployments that fail, and settings that change afterwards. Each test builds on the ones before it.
 */
describe.sequential("the settings of a stage", () => {
  let stage: LocalStage;
  let account: Account;
  let server: DbwardClient;
  let adminToken = "";
  const deploy = (changes: Changes = {}) => stage.deploy({ env: changesVariable(changes) });
  const statuses = async () =>
    Object.fromEntries(
      (await stage.status()).stacks.map(({ name, status }) => [name.replace("local-dbward-", ""), status]),
    );

  beforeAll(async () => {
    stage = await startStory(DIRECTORY, "changed.config.ts");
    account = new Account(stage);
    server = new DbwardClient({ url: stage.serverUrl });
  }, 5 * MINUTE);

  afterAll(async () => {
    server?.close();
    account?.close();
    await stage?.close();
  }, MINUTE);

  describe("at a first deployment that fails", () => {
    it("name a secret that is missing, before anything is created", { timeout: 3 * MINUTE }, async () => {
      await expect(
        deploy({
          agents: [agent("app", { database: { urlSecret: "dbward/local/nowhere", cidrs: ["127.0.0.0/8"] } })],
        }),
      ).rejects.toThrow(/Secret dbward\/local\/nowhere .*is missing/);
      expect(await statuses()).toEqual({});
    });

    it("repeat what the server refuses", { timeout: 4 * MINUTE }, async () => {
      const configFile = join(import.meta.dirname, "settings/refused.server.toml");
      await expect(deploy({ server: { configFile } })).rejects.toThrow(REFUSED_ROLE);
    });

    it("leave monitoring in place when an agent can't reach its database", {
      timeout: 4 * MINUTE,
    }, async () => {
      const elsewhere = { urlSecret: DATABASE_URL, cidrs: ["10.99.0.0/16"] };
      await deploy({ agents: [agent("app", { database: elsewhere })] });
      expect(await statuses()).toMatchObject({ Server: "CREATE_COMPLETE", Monitoring: "CREATE_COMPLETE" });
      expect((await stage.status()).alarms.length).toBeGreaterThan(10);
      const tasks = await account.tasks(account.names.agentService("app"));
      expect(tasks.filter(({ healthStatus }) => healthStatus === "HEALTHY")).toEqual([]);
    });

    it("name what is wrong now, not what was wrong before", { timeout: 3 * MINUTE }, async () => {
      await expect(deploy({ network: { cidr: "10.61.0.0/16" } })).rejects.toThrow(
        /network\.cidr can't become/,
      );
    });

    it("deploy once all of it is corrected", { timeout: 4 * MINUTE }, async () => {
      await deploy();
      expect(await stage.steady()).toEqual([]);
      adminToken = await account.secret(account.names.adminTokenSecret);
    });
  });

  it.each(Object.entries(CHANGES))("change to %s", { timeout: 5 * MINUTE }, async (_, changes) => {
    await deploy(changes);
    expect(await stage.steady()).toEqual([]);
    expect(Object.values(await statuses())).toEqual(
      Array(4).fill(expect.stringMatching(/^(CREATE|UPDATE)_COMPLETE$/)),
    );
    // A boolean, so that a failure doesn't print a token.
    expect((await account.secret(account.names.adminTokenSecret)) === adminToken, "the token stays").toBe(
      true,
    );
    const agents = await eventually(async () => {
      const rows = await server.agents({ token: adminToken });
      return rows.some(({ status }) => status === "healthy") ? rows : undefined;
    }, MINUTE);
    expect(agents.length).toBeGreaterThan(0);
  });

  it.each(Object.entries(REFUSED))("refuse to change %s", { timeout: 2 * MINUTE }, async (_, refused) => {
    const [changes, words] = refused;
    const before = await statuses();
    await expect(deploy(changes)).rejects.toThrow(words);
    expect(await statuses()).toEqual(before);
  });
});
