import { ResumeSessionCommand, type SSMClient } from "@aws-sdk/client-ssm";
import type { SessionResumer } from "./session/index.ts";

/**
 * Resumes sessions through the SSM API. The caller needs `ssm:ResumeSession` on the session; whether AWS grants it
 * for a session that `ecs:ExecuteCommand` began isn't documented, so a refusal counts as "can't be resumed".
 */
export function ssmResumer(ssm: SSMClient): SessionResumer {
  return {
    async resume(sessionId, signal) {
      const { TokenValue, StreamUrl } = await ssm.send(new ResumeSessionCommand({ SessionId: sessionId }), {
        abortSignal: signal,
      });
      // The answer for a session that has ended is one without a token.
      return TokenValue && StreamUrl ? { tokenValue: TokenValue, streamUrl: StreamUrl } : undefined;
    },
  };
}
