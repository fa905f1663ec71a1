import { describe, expect, it } from "vitest";
import {
  isOlder,
  type RunningVersions,
  type UpgradeSteps,
  upgradeStage,
  upgradeWork,
} from "./upgrade-stage.ts";

const DONE = { server: "0.3.0", agents: "0.3.0" };
const DIGEST = `sha256:${"0a".repeat(32)}`;

/** A stage with a server and two agents, and the file that its settings read. */
class FakeStage {
  file = { server: "0.2.0", agents: "0.2.0" };
  running = { server: "0.2.0", agents: "0.2.0" };
  readonly log: string[] = [];
  /** The server's new version doesn't start. */
  isBroken = false;

  get versions(): RunningVersions {
    const { server, agents } = this.running;
    return {
      server,
      agents: new Map([
        ["app", agents],
        ["reports", agents],
      ]),
    };
  }

  /** @param events after which the process is cut off: each step is two, before it and before it returns */
  steps(events = Number.POSITIVE_INFINITY): UpgradeSteps {
    let left = events;
    const step = (what: string, work: () => void) => async () => {
      if (left-- <= 0) throw new Error("cut");
      this.log.push(what);
      work();
      if (left-- <= 0) throw new Error("cut");
    };
    const check = (isRight: () => boolean) => () => {
      if (!isRight()) throw new Error("not this version");
    };
    return {
      backUp: step("backup", () => undefined),
      writeVersions: (change) => {
        if (left-- <= 0) throw new Error("cut");
        Object.assign(this.file, change);
      },
      deploy: (awaits) =>
        step("deploy", () => {
          if (this.isBroken) throw new Error("The server stopped");
          // dbward wants the server first.
          if (isOlder(this.running.server, this.file.agents)) throw new Error("agents before the server");
          this.running = { ...this.file };
          // Its `min_agent_version` is its own version, as that of dbward 0.2.0.
          if (awaits === "everything" && isOlder(this.running.agents, this.running.server))
            throw new Error("agents that the server takes for too old don't get healthy");
        })(),
      verifyServer: step(
        "server",
        check(() => this.running.server === DONE.server),
      ),
      verifyAgents: step(
        "agents",
        check(() => this.running.agents === DONE.agents),
      ),
      report: () => undefined,
    };
  }

  upgrade(events?: number) {
    return upgradeStage(DONE, upgradeWork(this.versions, DONE), this.steps(events));
  }
}

describe("upgradeStage", () => {
  it("backs up, and upgrades the server before the agents", async () => {
    const stage = new FakeStage();
    await stage.upgrade();
    expect(stage.log).toEqual(["backup", "deploy", "server", "deploy", "agents"]);
    expect([stage.file, stage.running]).toEqual([DONE, DONE]);
  });

  it("is continued after a cut at any step", async () => {
    let cuts = 0;
    for (let events = 0; ; events++) {
      const stage = new FakeStage();
      const isCut = await stage.upgrade(events).then(
        () => false,
        () => true,
      );
      if (!isCut) break;
      cuts++;
      await stage.upgrade();
      expect([stage.file, stage.running], `after ${events} events`).toEqual([DONE, DONE]);
    }
    expect(cuts).toBeGreaterThan(10);
  });

  it("deploys nothing that runs already", async () => {
    const stage = new FakeStage();
    stage.running = { ...DONE };
    await stage.upgrade();
    expect(stage.log).toEqual(["server", "agents"]);
    expect(stage.file).toEqual(DONE);
  });

  it("leaves the agents as they are when the server doesn't start", async () => {
    const stage = new FakeStage();
    stage.isBroken = true;
    await expect(stage.upgrade()).rejects.toMatchObject({ part: "server" });
    expect(stage.file.agents).toBe("0.2.0");
    expect(stage.running.agents).toBe("0.2.0");
  });
});

describe("upgradeWork", () => {
  it.each([
    ["0.2.0", "0.3.0", true],
    ["0.3.0", "0.3.0", false],
    ["0.4.0", "0.3.0", false],
    ["0.3.0-rc.1", "0.3.0", true],
    ["sha256:0123", "0.3.0", true],
    [undefined, "0.3.0", true],
    ["0.3.0", `0.3.0@${DIGEST}`, true],
    [`0.3.0@sha256:${"0b".repeat(32)}`, `0.3.0@${DIGEST}`, true],
    [`0.3.0@${DIGEST}`, `0.3.0@${DIGEST}`, false],
    [`0.3.0@${DIGEST}`, "0.3.0", false],
    [`0.2.0@${DIGEST}`, "0.3.0", true],
    [`0.4.0@${DIGEST}`, `0.3.0@${DIGEST}`, false],
  ])("from %s to %s: %s", (version, tag, expected) => {
    const running = { server: version, agents: new Map([["app", version]]) };
    const work = upgradeWork(running, { server: tag, agents: tag });
    expect(work).toEqual({ server: expected, agents: expected ? ["app"] : [] });
  });
});
