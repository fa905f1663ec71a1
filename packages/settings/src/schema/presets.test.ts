import { describe, expect, it } from "vitest";
import { loadStage } from "../load-stage.ts";
import { mistakesOf } from "../test-support/mistakes.ts";
import { stageInput } from "../test-support/stage.ts";
import { PRESETS } from "./presets.ts";

const load = (changes: unknown = {}) =>
  loadStage({ stages: { dev: stageInput({ preset: "dev", ...(changes as object) }) } }, "dev", { root: "." });
const mistakes = (changes: unknown) => mistakesOf(() => load(changes));

describe("the preset dev", () => {
  it("has no NAT gateway, stops at night, and is cheap", () => {
    const { hours, network, terminationProtection, backup, server, agents, monitoring } = load();
    expect(hours).toEqual({
      timeZone: "UTC",
      start: "08:00",
      stop: "19:00",
      days: ["MON", "TUE", "WED", "THU", "FRI"],
    });
    expect(network).toMatchObject({ kind: "new", egress: "public" });
    expect(terminationProtection).toBe(false);
    expect(server).toMatchObject({ cpu: 256, memoryMiB: 512, logRetentionDays: 7 });
    expect(backup.daily).toBe(false);
    expect(agents).toMatchObject([{ capacityProvider: "FARGATE_SPOT", logRetentionDays: 7 }]);
    expect(monitoring).toMatchObject({ level: "essential", publisher: "emf" });
  });

  it("gives way to every setting that is written", () => {
    const { hours, network, terminationProtection, backup, server, agents, monitoring } = load({
      hours: { timeZone: "Europe/Berlin", start: "07:30" },
      network: { egress: "nat" },
      terminationProtection: true,
      backup: { daily: true },
      server: { ...stageInput().server, cpu: 1024, memoryMiB: 4096 },
      agents: [{ ...stageInput().agents[0], capacityProvider: "FARGATE" }],
      monitoring: { publisher: "api", level: "full" },
    });
    expect(hours).toMatchObject({ timeZone: "Europe/Berlin", start: "07:30", stop: "19:00" });
    expect(network).toMatchObject({ egress: "nat" });
    expect(terminationProtection).toBe(true);
    expect(server).toMatchObject({ cpu: 1024, memoryMiB: 4096 });
    expect(backup.daily).toBe(true);
    expect(agents).toMatchObject([{ capacityProvider: "FARGATE" }]);
    expect(monitoring).toMatchObject({ publisher: "api", level: "full" });
  });

  it("runs always with `hours: false`", () => {
    expect(load({ hours: false }).hours).toBeUndefined();
  });

  it("leaves one of two that belong together to its own default when the other is written", () => {
    const { server } = load({ server: { ...stageInput().server, memoryMiB: 4096 } });
    expect(server).toMatchObject({ cpu: 512, memoryMiB: 4096 });
  });

  it("leaves the way out to an existing network", () => {
    const { network } = load({
      network: {
        vpcId: "vpc-0123456789abcdef0",
        subnets: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
      },
    });
    expect(network).not.toHaveProperty("egress", "public");
  });

  it("does not hide mistakes", () => {
    expect(mistakes({ monitoring: 5, server: "x" })).toEqual(
      expect.arrayContaining([expect.stringContaining("monitoring"), expect.stringContaining("server")]),
    );
    expect(mistakes({ preset: "dve" }).join()).toContain('preset: must be "dev"');
  });

  it("has values that the schema takes, each with a reason", () => {
    expect(PRESETS.dev.map(({ because }) => because)).not.toContain("");
    expect(load().warnings).toEqual([]);
  });
});

describe("hours", () => {
  const hours = (value: unknown) => mistakesOf(() => load({ hours: value }));

  it.each([
    [{ timeZone: "Europe/Berln" }, "time zone"],
    [{ timeZone: "+01:00" }, "time zone"],
    [{ start: "8:00" }, "time of day"],
    [{ stop: "24:00" }, "time of day"],
    [{ start: "09:00", stop: "09:59" }, "at least 60 minutes after start"],
    [{ start: "20:00", stop: "04:00" }, "hours across midnight"],
    [{ start: "00:00", stop: "23:30" }, "before the next start"],
    [{ days: [] }, "at least one day"],
    [{ days: ["MON", "MON"] }, "same as entry 0"],
    [{ days: ["Monday"] }, "must be one of"],
    [{ hour: "08:00" }, "is not a setting"],
    [true, "must be an object"],
  ])("refuses %j", (value, message) => {
    expect(hours(value)).toEqual([expect.stringContaining(message)]);
  });
});
