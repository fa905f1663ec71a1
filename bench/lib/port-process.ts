/**
 * Started by `tunnel.ts`: the local gateway with Session Manager's calls, and programs in the task to connect
 * to. Says where they are.
 *
 * @module
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { PortAccount } from "../../packages/local-ecs/src/exec-gateway/test-support/port-account.ts";

/** What the measuring process has to know. */
export interface PortReport {
  /** Of ECS and Session Manager. */
  readonly endpoint: string;
  /** Sends back what it gets. */
  readonly echo: number;
  /** Answers one byte when it has got as many bytes as there are to transfer. */
  readonly sink: number;
  /** Sends as many bytes to each who connects. */
  readonly source: number;
  /**
   * Milliseconds between two messages of the agent, as this machine's timers keep them; 0 without a pause.
   */
  readonly pauseMs: number;
}

const { outputPauseMs, bytes } = JSON.parse(process.argv[2]!) as { outputPauseMs: number; bytes: number };
const account = await PortAccount.start({ outputPauseMs });
const report: PortReport = {
  endpoint: account.endpoint,
  echo: await account.listen((socket) => void socket.pipe(socket)),
  sink: await account.listen((socket) => {
    let missing = bytes;
    socket.on("data", (data) => {
      missing -= data.length;
      if (missing <= 0) socket.end("x");
    });
  }),
  source: await account.listen(async (socket) => {
    const chunk = Buffer.alloc(64 * 1024, "x");
    for (let missing = bytes; missing > 0; missing -= chunk.length)
      if (!socket.write(chunk.subarray(0, missing))) await once(socket, "drain");
    socket.end();
  }),
  pauseMs: await timeOfPause(outputPauseMs),
};
process.on("disconnect", () => process.exit(0));
// Whoever sends anything is told the milliseconds of processor time that this process has used.
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send!((user + system) / 1000);
});
process.send!(report);

async function timeOfPause(milliseconds: number): Promise<number> {
  if (milliseconds === 0) return 0;
  const times = 500;
  const start = performance.now();
  for (let time = 0; time < times; time++) await sleep(milliseconds);
  return (performance.now() - start) / times;
}
