import { DAY_MS, ROTATION_GRACE_DAYS } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";
import type { Measurement } from "@dbward-aws/metric-publisher";
import type { TokenSecret } from "@dbward-aws/stage/token-secrets";
import { TokenStore, type TokenVersion, type Verdict, verifyToken } from "@dbward-aws/token-rotation";
import type { TokenStage } from "./token-stage.ts";

/** What is known of a token. */
export interface CheckedToken {
  readonly token: TokenSecret;
  readonly verdict: Verdict;
  /** Days since it was stored. @default - there is none */
  readonly ageDays?: number;
}

/**
 * Asks the server for every token of the stage. It must be ready.
 *
 * @throws AwsCallError when a secret can't be read; DbwardRequestError when the server gives no verdict
 */
export async function checkTokens(stage: TokenStage, { signal }: Deadline): Promise<CheckedToken[]> {
  const checked: CheckedToken[] = [];
  for (const token of stage.settings.tokens) {
    const store = new TokenStore({ secrets: stage.secrets }, token.secret);
    const verify = (version: TokenVersion | undefined) =>
      verifyToken({ client: stage.server, signal }, token.kind, version?.value);
    let { current } = await store.read();
    let verdict = await verify(current);
    if (verdict === "refused") {
      // A rotation may have replaced it since it was read.
      const now = (await store.read()).current;
      if (now?.id !== current?.id) verdict = await verify(now);
      current = now;
    }
    checked.push({ token, verdict, ...(current && { ageDays: ageInDays(current) }) });
  }
  return checked;
}

/** Days since a version was stored. */
export function ageInDays({ createdAt }: TokenVersion, now = Date.now()): number {
  return createdAt ? Math.max(0, now - createdAt.getTime()) / DAY_MS : 0;
}

/** The measurements of a check. @param rotateAfterDays @default - tokens are not rotated */
export function measureTokens(
  checked: readonly CheckedToken[],
  rotateAfterDays: number | undefined,
): Measurement[] {
  const ages = checked.flatMap(({ ageDays }) => ageDays ?? []);
  const measurements: Measurement[] = [
    { metric: "TokensRefused", value: checked.filter(({ verdict }) => verdict !== "works").length },
  ];
  if (ages.length > 0) measurements.push({ metric: "OldestTokenAge", value: Math.max(...ages) });
  if (rotateAfterDays !== undefined)
    measurements.push({
      metric: "TokensOverdue",
      value: ages.filter((age) => age >= rotateAfterDays + ROTATION_GRACE_DAYS).length,
    });
  return measurements;
}
