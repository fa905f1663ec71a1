import { expect, it } from "vitest";
import { summarize } from "./summary.ts";
import { EMPTY_STATUS } from "./test-support/empty-status.ts";

it("shows a stage of which nothing is there yet", () => {
  expect(summarize(EMPTY_STATUS)).toContain("no metric yet");
});

it("shows what is well and what is not", () => {
  const text = summarize({
    ...EMPTY_STATUS,
    stacks: [
      { name: "local-dbward-State", status: "CREATE_COMPLETE" },
      { name: "local-dbward-Server", status: "ROLLBACK_COMPLETE" },
    ],
    services: [
      { name: "server", desired: 1, running: 0, command: "sh", implementation: "stand-in" },
      { name: "agent-app", desired: 2, running: 2, command: "sh", implementation: "/usr/bin/dbward-agent" },
    ],
    secrets: [
      { name: "dbward/local/admin-token", captured: true, versionId: "v1" },
      { name: "dbward/local/agent-token", captured: false, versionId: null },
    ],
    metrics: {
      QueueDepth: { value: 3, timestamp: "2026-01-01T00:00:00.000Z" },
      RequestsApproved: { value: 1, timestamp: "2026-01-01T00:00:00.000Z" },
    },
    alarms: [
      { name: "dbward-local-down", state: "ALARM" },
      { name: "dbward-local-quiet", state: "ALARM" },
      { name: "dbward-local-queue-growing", state: "OK" },
    ],
    dashboardUrl: "http://127.0.0.1:4569/",
  });
  expect(text).toBe(`  Stacks     ✓ State  ✗ Server ROLLBACK_COMPLETE
  Services   ✗ server     0 of 1 running  stand-in
             ✓ agent-app  2 of 2 running  /usr/bin/dbward-agent
  Tokens     ✓ dbward/local/admin-token  captured
             ✗ dbward/local/agent-token  empty
  Queue      3 waiting for an agent, 1 waiting for their requester
  Agents     no metric yet
  Alarms     ✗ dbward-local-down  ALARM
  Account    http://127.0.0.1:4566
  Server     http://127.0.0.1:4568
  Dashboard  http://127.0.0.1:4569/`);
});
