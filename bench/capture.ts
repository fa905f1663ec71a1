import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createLogger, Deadline } from "@dbward-aws/core";
import { capture } from "../functions/capture-tokens/src/capture.ts";
import { createLogReader } from "../functions/capture-tokens/src/log-reader.ts";
import { PATIENCE, type Tools } from "../functions/capture-tokens/src/tools.ts";
import { type Figure, medianFigure, type Result, ratioFigure, type Size } from "./lib/figure.ts";
import { type Gateway, withGateway } from "./lib/gateway.ts";
import { HAS_PLUGIN, runPlugin, WITHOUT_PLUGIN } from "./lib/plugin.ts";
import { inRounds, timed } from "./lib/statistics.ts";

/**
 * A whole first capture by the function's own code: it reads and checks two token files, creates a third
 * token through the server's API and stores three secrets. Compared to one run of `session-manager-plugin`
 * for each file, which neither checks nor stores anything.
 */
export async function measureCapture(size: Size): Promise<Result> {
  const figures: Figure[] = [];
  for (const firstOutputDelayMs of [1000, 0]) {
    const rounds = size === "quick" ? 1 : firstOutputDelayMs ? 9 : 25;
    await withGateway({ firstOutputDelayMs, outputPauseMs: 1 }, async (gateway) => {
      const agent = firstOutputDelayMs ? "agent waits 1 s" : "agent doesn't wait";
      const times = await inRounds(rounds, {
        capture: () => captureOnce(gateway),
        ...(HAS_PLUGIN && { plugin: () => readByPlugin(gateway) }),
      });
      figures.push(medianFigure(`whole capture, ${agent}`, times.capture, "ms"));
      if (!times.plugin) return;
      figures.push(
        medianFigure(`plugin, one run for each file, ${agent}`, times.plugin, "ms"),
        ratioFigure(
          `capture / plugin, ${agent}`,
          times.capture,
          times.plugin,
          firstOutputDelayMs ? { atMost: 0.55 } : undefined,
        ),
      );
    });
  }
  return { benchmark: "capture", figures, remarks: HAS_PLUGIN ? [] : [WITHOUT_PLUGIN] };
}

let captures = 0;

async function captureOnce(gateway: Gateway): Promise<number> {
  await gateway.reset();
  const ecs = new ECSClient(gateway.aws);
  const secrets = new SecretsManagerClient(gateway.aws);
  const tools: Tools = {
    ecs,
    secrets,
    exec: gateway.exec,
    logs: createLogReader(gateway.aws),
    logger: createLogger(() => undefined),
    deadline: Deadline.after(60_000),
    patience: PATIENCE,
  };
  const event = {
    RequestType: "Create",
    RequestId: `bench-${++captures}`,
    ResourceProperties: { ...gateway.properties },
  } as const;
  try {
    return await timed(() => capture(event, tools));
  } finally {
    ecs.destroy();
    secrets.destroy();
  }
}

async function readByPlugin(gateway: Gateway): Promise<number> {
  return timed(async () => {
    for (const { path, token } of gateway.files) await runPlugin(gateway, `cat ${path}`, token);
  });
}
