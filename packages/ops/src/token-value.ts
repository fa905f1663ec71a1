import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { type Argv, UsageError } from "@dbward-aws/cli";
import { isTokenCaptured } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { during, type TokenSecret, tokenSecrets } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";

/** The secret of a token is empty. */
export class TokenMissingError extends DbwardError {
  override readonly name = "TokenMissingError";

  constructor(owner: string, secret: string, stage: string) {
    super("token-not-captured", `The token of ${owner} can't be used: secret ${secret} is empty.`, {
      hint: `Run: pnpm ops tokens recapture --stage ${stage}`,
    });
  }
}

/** Declares `<owner>`. */
export function ownerPositional<T>(yargs: Argv<T>) {
  return yargs.positional("owner", {
    type: "string",
    demandOption: true,
    describe: "admin, metrics or an agent",
  });
}

/** The secret of an owner's token. @throws UsageError when the stage has no such token */
export function findToken({ settings, names }: CommandContext, owner: string): TokenSecret {
  const all = tokenSecrets(settings, names);
  const found = all.find((token) => token.owner === owner);
  if (found) return found;
  throw new UsageError(
    `Stage ${settings.stage} has no token of "${owner}".`,
    `Tokens: ${all.map((token) => token.owner).join(", ")}.`,
  );
}

/** Text of a secret; white space when the token was not captured. */
async function readSecretText({ clients }: CommandContext, secret: string): Promise<string> {
  const { SecretString = "" } = await during(
    `Reading secret ${secret}`,
    clients.secrets.send(new GetSecretValueCommand({ SecretId: secret })),
  );
  return SecretString;
}

/** A token, for the one place that needs it. @throws TokenMissingError */
export async function readToken(context: CommandContext, { owner, secret }: TokenSecret): Promise<string> {
  const value = await readSecretText(context, secret);
  if (!isTokenCaptured(value)) throw new TokenMissingError(owner, secret, context.settings.stage);
  return value;
}
