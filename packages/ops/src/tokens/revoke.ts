import { type ActionOptions, act, UsageError } from "@dbward-aws/cli";
import type { TokenInfo } from "@dbward-aws/dbward-client";
import { tokenSecrets } from "@dbward-aws/stage";
import { callOptions, prefixOf, RotationError, TokenStore } from "@dbward-aws/token-rotation";
import type { CommandContext } from "../command.ts";
import { withAdmin } from "./with-admin.ts";

/** `pnpm ops tokens revoke`. */
export async function revoke(
  context: CommandContext,
  id: string,
  url: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const { clients, settings, names, io } = context;
  return withAdmin(context, url, async (access) => {
    const row = findRow(await access.client.listTokens(callOptions(access)), id);
    for (const { owner, secret } of tokenSecrets(settings, names)) {
      const { current } = await new TokenStore(clients, secret).read();
      if (current && prefixOf(current.value) === row.prefix)
        throw new UsageError(
          `Token ${row.id} is the one that ${owner} uses.`,
          `To replace it, run: pnpm ops tokens rotate ${owner} --stage ${settings.stage}`,
        );
    }
    const steps =
      row.status === "active"
        ? [
            `Revoke token ${row.id} of ${row.subjectId} (name: ${row.name ?? "none"}, created ${row.createdAt})`,
          ]
        : [];
    const plan = { title: `Revoke a token of stage ${settings.stage}`, steps };
    return act(io, options, plan, async (progress) => {
      progress.step("Revoking the token");
      await access.client.revokeToken(row.id, callOptions(access));
      const after = await access.client.listTokens(callOptions(access));
      if (after.some((each) => each.id === row.id && each.status === "active"))
        throw new RotationError(
          `The server still lists token ${row.id} as active.`,
          "Run this command again.",
        );
      progress.done(`Token ${row.id} is revoked.`);
      return { id: row.id };
    });
  });
}

/** @throws UsageError when no token, or more than one, is meant */
function findRow(rows: readonly TokenInfo[], wanted: string): TokenInfo {
  const found = rows.filter(({ id, prefix }) => id === wanted || prefix === wanted.replace(/^dbw_/, ""));
  if (found.length === 1) return found[0]!;
  throw new UsageError(
    found.length === 0 ? `The server lists no token "${wanted}".` : `"${wanted}" means several tokens.`,
    "Use an id of `pnpm ops tokens`. Bootstrap tokens have none: `pnpm ops tokens recover` revokes them.",
  );
}
