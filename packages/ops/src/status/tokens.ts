import type { CommandContext } from "../command.ts";
import { describeSecret, tokenSecrets } from "../secret-state.ts";
import type { StatusLine } from "./stage-status.ts";

/** The captured tokens: whether each secret has a value, never which. */
export async function tokenLines({ clients, settings, names, links }: CommandContext): Promise<StatusLine[]> {
  return Promise.all(
    tokenSecrets(settings, names).map(async ({ secret }): Promise<StatusLine> => {
      const { state } = await describeSecret(clients, secret);
      if (state === "filled") return { name: secret, state: "captured" };
      const message =
        state === "empty"
          ? `Secret ${secret} is empty: its token was not captured. Run: pnpm ops tokens recapture --stage ${settings.stage}`
          : `Secret ${secret} is ${state === "missing" ? "missing" : "being deleted"}`;
      return { name: secret, state, problem: { message, link: links.secret(secret) } };
    }),
  );
}
