import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { DbwardError } from "@dbward-aws/core";
import { type DbwardClient, TokenRefusedError } from "@dbward-aws/dbward-client";
import { during } from "../aws-error.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { recapture } from "../recapture.ts";
import { rotationSteps } from "../rotation-steps.ts";
import { describeSecret, type TokenSecret, tokenSecrets } from "../secret-state.ts";
import { reachServer } from "../server-url.ts";
import { table } from "../table.ts";

/** `pnpm ops tokens`. */
export const tokens: Command = {
  summary: "which tokens are captured, and whether the server takes them; get, rotate, recapture",
  usage: "[get OWNER --reveal | rotate OWNER | recapture] [--url URL]",
  maxWords: 2,
  options: { reveal: { type: "boolean" }, url: { type: "string" } },
  async run(context) {
    const [verb, owner, ...rest] = context.words;
    if (verb === undefined) return list(context);
    if (verb === "recapture" && owner === undefined) {
      await recapture(context);
      return list(context);
    }
    if (rest.length > 0 || owner === undefined) throw unknownOwner(context, owner ?? "");
    if (verb === "get") return get(context, findToken(context, owner));
    if (verb === "rotate") return explainRotation(context, findToken(context, owner));
    throw new UsageError(
      `tokens has no "${verb}".`,
      "There are: tokens, tokens get OWNER, tokens rotate OWNER, tokens recapture.",
    );
  },
};

/** The secret of a token has been emptied. */
export class TokenMissingError extends DbwardError {
  override readonly name = "TokenMissingError";

  constructor(owner: string, secret: string, stage: string) {
    super("token-not-captured", `The token of ${owner} can't be shown: secret ${secret} holds none.`, {
      hint: `Run: pnpm ops tokens recapture --stage ${stage}`,
    });
  }
}

/** What became of one token. */
type Verdict = "works" | "refused" | "not captured" | "unchecked";

async function list(context: CommandContext): Promise<number> {
  const server = await reachServer(context);
  try {
    const rows = await Promise.all(
      tokenSecrets(context.settings, context.names).map(async (token) => {
        const { state, versionId = "", changedAt } = await describeSecret(context.clients, token.secret);
        const verdict: Verdict =
          state !== "filled"
            ? "not captured"
            : "client" in server
              ? await verify(context, token, server.client)
              : "unchecked";
        return { token, verdict, versionId, changedAt };
      }),
    );
    const cells = rows.map(({ token, verdict, versionId, changedAt }) => [
      token.owner,
      token.secret,
      verdict,
      versionId,
      changedAt?.toISOString() ?? "",
    ]);
    for (const line of table([["OWNER", "SECRET", "STATE", "VERSION", "CHANGED"], ...cells]))
      context.print(line);
    if ("unreachable" in server)
      context.print(`\nWhether the server takes them was not checked: ${server.unreachable}.`);
    for (const { token } of rows.filter(({ verdict }) => verdict === "refused"))
      context.print(
        `\nThe server refuses the token of ${token.owner}. Run: pnpm ops tokens rotate ${token.owner} --stage ${context.settings.stage}`,
      );
    return rows.some(({ verdict }) => verdict === "refused" || verdict === "not captured") ? 1 : 0;
  } finally {
    if ("client" in server) server.client.close();
  }
}

/** Asks the server what the token's owner would ask. The value goes nowhere else. */
async function verify(context: CommandContext, token: TokenSecret, client: DbwardClient): Promise<Verdict> {
  const value = await readValue(context, token.secret);
  if (value.trim() === "") return "not captured";
  try {
    if (token.kind === "admin") await client.listTokens({ token: value });
    else await client.agents({ token: value });
    return "works";
  } catch (error) {
    if (!(error instanceof TokenRefusedError)) return "unchecked";
    // An agent's token may not read this list: 403 says that the server knows it, 401 that it doesn't.
    return token.kind === "agent" && error.status === 403 ? "works" : "refused";
  }
}

async function readValue({ clients }: CommandContext, secret: string): Promise<string> {
  const { SecretString = "" } = await during(
    `Reading secret ${secret}`,
    clients.secrets.send(new GetSecretValueCommand({ SecretId: secret })),
  );
  return SecretString;
}

async function get(context: CommandContext, { owner, secret }: TokenSecret): Promise<number> {
  if (context.options.reveal !== true)
    throw new UsageError(
      `The token of ${owner} is shown only when asked for in words.`,
      `Add --reveal to write it to standard output. It is in secret ${secret}.`,
    );
  const value = await readValue(context, secret);
  if (value.trim() === "") throw new TokenMissingError(owner, secret, context.settings.stage);
  context.print(value);
  return 0;
}

/** A rotation takes the token away from its holder, so a person does it, knowing the order. */
function explainRotation(context: CommandContext, token: TokenSecret): number {
  context.print(`To rotate the token of ${token.owner} (secret ${token.secret}):`);
  for (const [index, step] of rotationSteps(context.settings, token).entries())
    context.print(`${index + 1}. ${step}`);
  return 0;
}

function findToken(context: CommandContext, owner: string): TokenSecret {
  const found = tokenSecrets(context.settings, context.names).find((token) => token.owner === owner);
  if (!found) throw unknownOwner(context, owner);
  return found;
}

function unknownOwner(context: CommandContext, owner: string): UsageError {
  const owners = tokenSecrets(context.settings, context.names).map((token) => token.owner);
  return new UsageError(
    `"${owner}" owns no token of stage ${context.settings.stage}.`,
    `There are: ${owners.join(", ")}.`,
  );
}
