import { isAccepted, RotationError, type ServerAccess } from "@dbward-aws/token-rotation";
import type { CommandContext } from "../command.ts";
import { openServer } from "../server-access.ts";
import { findToken, readToken } from "../token-value.ts";

/** Connects to the server with the administrator's token, and makes sure that the server accepts it. */
export async function withAdmin<T>(
  context: CommandContext,
  url: string | undefined,
  use: (access: ServerAccess) => Promise<T>,
): Promise<T> {
  const adminToken = await readToken(context, findToken(context, "admin"));
  const server = await openServer(context, url);
  try {
    const access = { client: server.client, adminToken, signal: context.signal };
    if (!(await isAccepted(access, adminToken)))
      throw new RotationError(
        "The server refuses the token in the administrator's secret.",
        `Run: pnpm ops tokens recover --stage ${context.settings.stage}`,
      );
    return await use(access);
  } finally {
    await server.close();
  }
}
