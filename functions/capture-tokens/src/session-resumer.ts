import type { SessionResumer } from "@dbward-aws/ecs-exec";

/** Sessions are rarely lost: the client of SSM is loaded by the first one that is. */
export const lazyResumer: SessionResumer = {
  resume: async (sessionId, signal) => (await load()).resume(sessionId, signal),
  terminate: async (sessionId, signal) => (await load()).terminate(sessionId, signal),
};

let resumer: Promise<SessionResumer> | undefined;

function load(): Promise<SessionResumer> {
  resumer ??= import("./ssm-client.ts").then(({ createResumer }) => createResumer());
  return resumer;
}
