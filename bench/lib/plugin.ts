import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { ExecuteCommandCommand } from "@aws-sdk/client-ecs";
import type { Gateway } from "./gateway.ts";

/** Whether `session-manager-plugin` is on the PATH. */
export const HAS_PLUGIN = spawnSync("session-manager-plugin", ["--version"]).status === 0;

export const WITHOUT_PLUGIN =
  "`session-manager-plugin` is not on the PATH: nothing could be compared with it. Install it and run this again.";

/**
 * One command by the plugin: `ExecuteCommand`, then the plugin with the arguments of AWS CLI, whose own start
 * is not in it.
 *
 * @throws Error when what it prints doesn't contain `expected`
 */
export async function runPlugin({ ecs, execEndpoint, aws }: Gateway, command: string, expected: string) {
  const target = { cluster: "bench", task: "bench", container: "server" };
  const { session } = await ecs.send(new ExecuteCommandCommand({ ...target, command, interactive: true }));
  const args = [
    JSON.stringify(session),
    aws.region,
    "StartSession",
    "",
    JSON.stringify({ Target: "ecs:bench_bench_bench" }),
    execEndpoint,
  ];
  // Its standard input stays open: at its end the plugin would leave at once, without waiting for the output.
  const plugin = spawn("session-manager-plugin", args, { stdio: ["pipe", "pipe", "inherit"] });
  const [printed] = await Promise.all([text(plugin.stdout), once(plugin, "close")]);
  if (!printed.includes(expected))
    throw new Error(`session-manager-plugin printed ${printed.length} characters without the output`);
}
