import { TOKEN_CHECK_EVENTS } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import type { MetricPublisher } from "@dbward-aws/metric-publisher";
import { checkTokens, measureTokens } from "./check.ts";
import { rotateDue } from "./rotate.ts";
import { awaitServer, type TokenStage } from "./token-stage.ts";

/** Milliseconds that are kept to end a run before Lambda does, so that it can say what it did. */
const RESERVE_MS = 20_000;

/**
 * One run: a rotation for the event `TOKEN_CHECK_EVENTS.rotate`, a check for any other. A stage whose server was stopped on purpose
 * is left alone.
 *
 * @param availableMs milliseconds until the function times out
 * @throws when a token could not be checked or rotated, or the measurements not published
 */
export async function runTask(
  stage: TokenStage,
  publisher: MetricPublisher,
  event: unknown,
  availableMs: number,
): Promise<void> {
  const { logger, settings } = stage;
  const { rotateAfterDays } = settings;
  const deadline = Deadline.after(availableMs - RESERVE_MS);
  if (!(await awaitServer(stage, deadline))) {
    logger.info("tokens.skipped", { reason: "the server is scaled to 0" });
    return;
  }
  if (isRotation(event)) {
    if (rotateAfterDays === undefined) return;
    const rotated = await rotateDue(stage, rotateAfterDays, deadline);
    logger.info("tokens.rotated", { owners: rotated });
    return;
  }
  const checked = await checkTokens(stage, deadline);
  for (const { token, verdict } of checked)
    if (verdict !== "works")
      logger.warn("tokens.refused", { owner: token.owner, secret: token.secret, verdict });
  const measurements = measureTokens(checked, rotateAfterDays);
  await publisher.publish(measurements, new Date(), Deadline.after(RESERVE_MS / 2));
  logger.info("tokens.checked", {
    owners: Object.fromEntries(
      checked.map(({ token, verdict, ageDays }) => [token.owner, { verdict, ageDays }]),
    ),
  });
}

function isRotation(event: unknown): boolean {
  return (
    typeof event === "object" &&
    event !== null &&
    "task" in event &&
    event.task === TOKEN_CHECK_EVENTS.rotate.task
  );
}
