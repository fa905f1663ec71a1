import type { SessionResumer } from "@dbward-aws/ecs-exec";

/** A session is rarely lost: the first one that is loads the SSM client. */
export const lazyResumer: SessionResumer = {
  resume: async (sessionId, signal) => (await load()).resume(sessionId, signal),
  terminate: async (sessionId, signal) => (await load()).terminate(sessionId, signal),
};

let resumer: Promise<SessionResumer> | undefined;

function load(): Promise<SessionResumer> {
  resumer ??= import("./ssm-client.ts").then(({ createResumer }) => createResumer());
  return resumer;
}
