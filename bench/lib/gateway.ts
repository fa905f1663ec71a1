import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { ECSClient } from "@aws-sdk/client-ecs";
import { EcsExec } from "@dbward-aws/ecs-exec";
import type { GatewayOptions, GatewayReport } from "./gateway-process.ts";

/** The local gateway and the peers of a capture, in a process of their own. */
export interface Gateway extends GatewayReport {
  /** For `ExecuteCommand` alone. */
  readonly ecs: ECSClient;
  readonly exec: EcsExec;
  /** Brings the stage back to before its first capture. */
  reset(): Promise<void>;
}

/** Starts a gateway, and ends it when the work is done. */
export async function withGateway<T>(
  options: GatewayOptions,
  work: (gateway: Gateway) => Promise<T>,
): Promise<T> {
  const child = fork(fileURLToPath(new URL("gateway-process.ts", import.meta.url)), [
    JSON.stringify(options),
  ]);
  const [report] = (await once(child, "message")) as [GatewayReport];
  const credentials = { accessKeyId: "bench", secretAccessKey: "bench" };
  const ecs = new ECSClient({ endpoint: report.execEndpoint, region: report.aws.region, credentials });
  const reset = async () => {
    const done = once(child, "message");
    child.send("reset");
    await done;
  };
  try {
    return await work({ ...report, ecs, exec: new EcsExec({ ecs }), reset });
  } finally {
    ecs.destroy();
    child.disconnect();
  }
}
