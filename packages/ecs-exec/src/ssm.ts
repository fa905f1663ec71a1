import { ResumeSessionCommand, type SSMClient, TerminateSessionCommand } from "@aws-sdk/client-ssm";
import type { SessionResumer } from "./session/index.ts";

/**
 * Resumes and terminates sessions through the SSM API. The caller needs `ssm:ResumeSession` and `ssm:TerminateSession` on
 * the session; whether AWS grants them for a session that `ecs:ExecuteCommand` began isn't documented, so a refusal counts
 * as "can't be resumed", and the session then ends by ECS Exec's idle timeout of 20 minutes.
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
    async terminate(sessionId, signal) {
      await ssm.send(new TerminateSessionCommand({ SessionId: sessionId }), { abortSignal: signal });
    },
  };
}
