import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { placingScript } from "../backup/place-state.ts";
import { CANARY } from "../test-support/ops-run.ts";
import { FORMER, POINT, RESTORED, RestorableStage } from "../test-support/restorable-stage.ts";

const MINUTE = 60_000;
const MOVED = { state: { fileSystemId: RESTORED, replaces: FORMER }, former: { fileSystemId: FORMER } };
/** The access policy that EFS gives to the vault of the automatic backups. */
const VAULT_POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Deny",
      Principal: { AWS: "*" },
      Action: ["backup:DeleteRecoveryPoint", "backup:StartRestoreJob"],
      Resource: "*",
    },
  ],
});

/** Looks at a stage whose restore has ended. */
function expectRestored(stage: RestorableStage, when = ""): void {
  expect([stage.deployed, stage.record], when).toEqual([RESTORED, MOVED]);
  expect([stage.desiredCount, stage.writers, stage.mostWriters], when).toEqual([1, 1, 1]);
  expect([stage.mountTargets, stage.accessPoints, stage.jobs.size], when).toEqual([[], [], 1]);
  expect(stage.fileSystems.get(RESTORED), when).toMatchObject({
    policy: expect.stringContaining("NobodyIsRoot"),
    mode: "elastic",
    tags: expect.arrayContaining([{ Key: "sst:stage", Value: "prod" }]),
  });
  expect(stage.fileSystems.has(FORMER), when).toBe(true);
}

describe("ops restore", () => {
  it("lists the backups when none is named", { timeout: 2 * MINUTE }, async () => {
    const { code, out } = await new RestorableStage().run("restore");
    expect([code, out]).toEqual([0, expect.stringMatching(/^RECOVERY POINT .*\n0a1b2c3d-/)]);
  });

  it("shows its plan, and changes nothing with --dry-run", { timeout: 2 * MINUTE }, async () => {
    const stage = new RestorableStage();
    const { code, out } = await stage.run("restore latest --dry-run");
    expect([code, out.split("\n")]).toEqual([
      0,
      [
        "Restore stage prod to 2026-02-01T00:00:00.000Z:",
        expect.stringContaining("1. Restore 0a1b2c3d-0000-4000-8000-000000000001 to a new"),
        expect.stringContaining("2. Move the state"),
        expect.stringContaining("3. Stop the server"),
        expect.stringContaining("4. Write the new file system into config/state.json"),
        expect.stringContaining("5. Deploy stage prod on it"),
        expect.stringContaining("6. Wait until it is ready"),
        expect.stringContaining("is lost: requests, users, tokens"),
        `File system ${FORMER} is kept.`,
      ],
    ]);
    expect([stage.jobs.size, stage.record, stage.desiredCount]).toEqual([0, {}, 1]);
  });

  it("restores to a new encrypted file system, moves the stage there, and names unknown tokens", {
    timeout: 4 * MINUTE,
  }, async () => {
    const stage = new RestorableStage();
    stage.unknown.add(`${CANARY}-reports`);
    const { code, out, err } = await stage.run("restore latest --yes --json");
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      {
        status: "done",
        recoveryPoint: POINT,
        fileSystem: RESTORED,
        former: FORMER,
        unknownTokens: ["reports"],
      },
    ]);
    expectRestored(stage);
    const [job] = stage.jobs.values();
    expect(job).toMatchObject({
      RecoveryPointArn: POINT,
      ResourceType: "EFS",
      Metadata: {
        "file-system-id": FORMER,
        newFileSystem: "true",
        Encrypted: "true",
        KmsKeyId: expect.stringContaining(":key/"),
        PerformanceMode: "generalPurpose",
        CreationToken: job?.IdempotencyToken,
      },
    });
    expect(stage.registered).toMatchObject({
      containerDefinitions: [{ command: [placingScript("/state")], user: "0" }],
    });
    expect(err).toContain("Run: pnpm ops tokens rotate reports --stage prod");
    expect(out + err).not.toContain(CANARY);
  });

  it("goes back, and forth again", { timeout: 4 * MINUTE }, async () => {
    const stage = new RestorableStage();
    await stage.run("restore latest --yes");
    expect(await stage.run("restore --back --yes")).toMatchObject({ code: 0 });
    expect([stage.deployed, stage.writers, stage.mostWriters, stage.jobs.size]).toEqual([FORMER, 1, 1, 1]);
    expect(stage.record).toEqual({
      state: { fileSystemId: FORMER, replaces: RESTORED },
      former: { fileSystemId: RESTORED },
    });
    expect(await stage.run("restore --back --yes")).toMatchObject({ code: 0 });
    expectRestored(stage);
  });

  it.each(["restore latest --yes", "restore --back --yes"])(
    "is run again after a cut at any step: %s",
    {
      timeout: 30 * MINUTE,
    },
    async (line) => {
      const isBack = line.includes("--back");
      let cuts = 0;
      for (let events = 0; ; events++) {
        const stage = new RestorableStage();
        if (isBack) await stage.run("restore latest --yes");
        const { code } = await stage.run(line, events);
        if (code === 0) break;
        cuts++;
        const again = await stage.run(line);
        expect([again.code, again.err], `after ${events} events`).toEqual([0, ""]);
        if (isBack) {
          expect([stage.deployed, stage.writers, stage.mostWriters]).toEqual([FORMER, 1, 1]);
          expect(stage.record.moving).toBeUndefined();
        } else expectRestored(stage, `after ${events} events`);
      }
      // Changes of AWS, at which it was cut off twice each.
      expect(cuts).toBeGreaterThanOrEqual(isBack ? 4 : 28);
    },
  );

  it.each(["exit 1", "cp config/state.json deployed.json; exit 1"])(
    "continues, or goes back, after a deployment that failed: %s",
    { timeout: 8 * MINUTE },
    async (script) => {
      for (const line of ["restore latest --yes", "restore --yes", "restore --back --yes"]) {
        const stage = new RestorableStage();
        stage.deployment(script);
        const { code, err } = await stage.run("restore latest --yes");
        expect([code, err]).toEqual([1, expect.stringMatching(/was not moved to file system fs-2.*--back/s)]);
        expect([stage.writers, stage.record.moving]).toEqual([0, "restored"]);
        stage.deployment("cp config/state.json deployed.json");
        expect(await stage.run(line)).toMatchObject({ code: 0 });
        if (line.includes("--back")) expect([stage.deployed, stage.writers]).toEqual([FORMER, 1]);
        else expectRestored(stage, line);
      }
    },
  );

  it("mounts again when the name of a new mount target is not known yet", {
    timeout: 6 * MINUTE,
  }, async () => {
    const stage = new RestorableStage();
    stage.failedMounts = 1;
    expect(await stage.run("restore latest --yes")).toMatchObject({ code: 0 });
    expectRestored(stage);
  });

  it("stops before the server does when the restored file system has no state", {
    timeout: 2 * MINUTE,
  }, async () => {
    const stage = new RestorableStage();
    stage.exitCode = 3;
    const { code, err } = await stage.run("restore latest --yes");
    expect([code, err]).toEqual([1, expect.stringMatching(/has no directory \/state.*--path/s)]);
    expect([stage.deployed, stage.writers]).toEqual([FORMER, 1]);
  });

  it("starts a new job after one that failed", { timeout: 4 * MINUTE }, async () => {
    const stage = new RestorableStage();
    stage.jobStatus = "FAILED";
    const { code, err } = await stage.run("restore latest --yes");
    expect([code, err]).toEqual([1, expect.stringContaining("job-1 is FAILED: Access denied")]);
    expect([stage.record, stage.writers]).toEqual([{}, 1]);
    const [first] = stage.jobs.keys();
    stage.jobStatus = "COMPLETED";
    stage.jobs.clear();
    expect(await stage.run("restore latest --yes")).toMatchObject({ code: 0 });
    expect([...stage.jobs.keys()]).not.toContain(first);
  });

  it("says how to allow restores from the vault of the automatic backups", {
    timeout: 2 * MINUTE,
  }, async () => {
    const stage = new RestorableStage();
    stage.vaultPolicy = VAULT_POLICY;
    const { code, err } = await stage.run("restore latest --yes");
    expect(code).toBe(1);
    expect(err).toMatch(/denies backup:StartRestoreJob.*put-backup-vault-access-policy/s);
    const [, policy] = /--policy '(.*)'/.exec(err)!;
    expect(JSON.parse(policy!).Statement).toMatchObject([{ Action: ["backup:DeleteRecoveryPoint"] }]);
    expect(stage.jobs.size).toBe(0);
  });

  it.each([
    ["restore 0b0b0b0b --yes", 1, "no complete recovery point 0b0b0b0b"],
    ["restore --back --yes", 2, "was not restored"],
    ["restore latest --back --yes", 2, "--back takes no recovery point"],
  ])("refuses %s", { timeout: 2 * MINUTE }, async (line, code, what) => {
    expect(await new RestorableStage().run(line)).toMatchObject({ code, err: expect.stringContaining(what) });
  });
});

describe("the script of the one-off task", () => {
  /** Runs it in this machine's shell. @returns its exit code, and what the file system has afterwards */
  function run(folders: readonly string[], path = "/dbward") {
    const root = mkdtempSync(join(tmpdir(), "restored-"));
    try {
      for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
      const script = placingScript(path).replace("cd /restored", `cd ${root}`);
      const { status } = spawnSync("sh", ["-c", script], { timeout: 600_000 });
      return [status, readdirSync(root).sort()];
    } finally {
      rmSync(root, { recursive: true });
    }
  }
  const AT = "aws-backup-restore_2026-01-31T10-00-00-123Z";

  it.each<[string, readonly string[], string, number, readonly string[]]>([
    ["a full restore", [`${AT}/dbward/x`], "/dbward", 0, [AT, "dbward"]],
    ["what was moved before", [AT, "dbward"], "/dbward", 0, [AT, "dbward"]],
    ["a restore of a restored file system", [`${AT}/${AT}/a b`], `/${AT}/a b`, 0, [AT, "dbward"]],
    ["another path", [`${AT}/dbward`], "/state", 3, [AT]],
    ["an empty file system", [], "/dbward", 3, []],
    [
      "two restores",
      [`${AT}/dbward`, "aws-backup-restore_2/dbward"],
      "/dbward",
      3,
      [AT, "aws-backup-restore_2"],
    ],
  ])("places the state of %s", (_what, folders, path, code, left) => {
    expect(run(folders, path)).toEqual([code, [...left].sort()]);
  });
});
