import { ResumeSessionCommand, type SSMClient, TerminateSessionCommand } from "@aws-sdk/client-ssm";
import type { SessionResumer } from "./session/index.ts";

/**
 * Resumes and terminates sessions through the SSM API. The caller needs `ssm:ResumeSession` and
 * `ssm:TerminateSession` on the session; AWS doesn't document whether it grants them for a session that
 * `ecs:ExecuteCommand` started, so a refusal means that the session can't be resumed; ECS Exec's idle timeout
 * of 20 minutes then ends it.
 */
export function ssmResumer(ssm: SSMClient): SessionResumer {
  return {
    async resume(sessionId, signal) {
      const { TokenValue, StreamUrl } = await ssm.send(new ResumeSessionCommand({ SessionId: sessionId }), {
        abortSignal: signal,
      });
      // For a session that has ended, the answer has no token.
      return TokenValue && StreamUrl ? { tokenValue: TokenValue, streamUrl: StreamUrl } : undefined;
    },
    async terminate(sessionId, signal) {
      await ssm.send(new TerminateSessionCommand({ SessionId: sessionId }), { abortSignal: signal });
    },
  };
}
