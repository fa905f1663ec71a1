import type { StageSettings } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { agentSettings } from "../test-support/settings.ts";
import { only, templates } from "../test-support/synth.ts";

const capture = (method: "exec" | "task"): Partial<StageSettings> => ({
  capture: { method, allowSessionLogging: false },
});
const CLOSED = templates(capture("task"));
const OPEN = templates({ ...capture("exec"), agents: [agentSettings({ ecsExec: true })] });

/** The container of the task definition whose logical id matches. */
const container = (template: (typeof CLOSED)["server"], id: RegExp) =>
  only(template, "AWS::ECS::TaskDefinition", id).ContainerDefinitions[0];

describe("without ECS Exec, the container of", () => {
  it.each([
    ["the server", () => container(CLOSED.server, /^Server/)],
    ["an agent", () => container(CLOSED.agents, /^Agent/)],
  ])("%s can write to its volumes and a small /tmp alone, and has no capabilities", (_title, of) => {
    expect(of()).toMatchObject({
      User: "10001:10001",
      ReadonlyRootFilesystem: true,
      LinuxParameters: {
        Capabilities: { Drop: ["ALL"] },
        InitProcessEnabled: true,
        Tmpfs: [{ ContainerPath: "/tmp", Size: 64, MountOptions: ["nosuid", "nodev", "noexec"] }],
      },
    });
  });

  it("the capture task can write nowhere", () => {
    expect(container(CLOSED.server, /^TokenCapture/)).toMatchObject({
      User: "10001:10001",
      ReadonlyRootFilesystem: true,
      LinuxParameters: { Capabilities: { Drop: ["ALL"] } },
      MountPoints: [{ ReadOnly: true }],
    });
  });
});

describe("with ECS Exec, the container of", () => {
  it.each([
    ["the server", () => container(OPEN.server, /^Server/)],
    ["an agent", () => container(OPEN.agents, /^Agent/)],
  ])("%s keeps what the agent of ECS Exec needs, which runs as root and writes", (_title, of) => {
    const { User, ReadonlyRootFilesystem, LinuxParameters } = of();
    expect([User, ReadonlyRootFilesystem]).toEqual(["10001:10001", false]);
    expect(LinuxParameters.Tmpfs).toBeUndefined();
    const { Drop } = LinuxParameters.Capabilities;
    expect(Drop).toEqual(expect.arrayContaining(["NET_RAW", "MKNOD", "SETFCAP"]));
    for (const needed of ["ALL", "DAC_OVERRIDE", "CHOWN", "KILL", "SETUID", "SETGID"])
      expect(Drop).not.toContain(needed);
  });
});
