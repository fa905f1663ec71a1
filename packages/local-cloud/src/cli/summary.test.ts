import { expect, it } from "vitest";
import type { StageStatus } from "../stage/status.ts";
import { summarize } from "./summary.ts";

const EMPTY: StageStatus = {
  stage: "local",
  endpoint: "http://127.0.0.1:4566",
  stacks: [],
  services: [],
  secrets: [],
  metrics: {},
  alarms: [],
  dashboardUrl: null,
};

it("shows a stage of which nothing is there yet", () => {
  expect(summarize(EMPTY)).toContain("no metric yet");
});

it("shows what is well and what is not", () => {
  const text = summarize({
    ...EMPTY,
    stacks: [
      { name: "local-dbward-State", status: "CREATE_COMPLETE" },
      { name: "local-dbward-Server", status: "ROLLBACK_COMPLETE" },
    ],
    services: [{ name: "server", desired: 1, running: 0, command: "sh", implementation: "stand-in" }],
    secrets: [{ name: "dbward/local/admin-token", captured: true, versionId: "v1" }],
    metrics: { QueueDepth: { value: 3, timestamp: "2026-01-01T00:00:00.000Z" } },
    alarms: [
      { name: "dbward-local-down", state: "ALARM" },
      { name: "dbward-local-queue", state: "OK" },
    ],
    dashboardUrl: "http://127.0.0.1:4569/",
  });
  for (const part of [
    "✓ local-dbward-State",
    "✗ local-dbward-Server ROLLBACK_COMPLETE",
    "✗ server 0/1 (stand-in)",
    "✓ dbward/local/admin-token",
    "3 waiting for an agent",
    "● dbward-local-down",
    "http://127.0.0.1:4569/",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain("dbward-local-queue");
});
