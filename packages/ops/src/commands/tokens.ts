import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { METRICS_USER, SERVER } from "@dbward-aws/contract";
import { type DbwardClient, TokenRefusedError } from "@dbward-aws/dbward-client";
import { during } from "../aws-error.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { describeSecret, type TokenSecret, tokenSecrets } from "../secret-state.ts";
import { reachServer } from "../server-url.ts";
import { table } from "../table.ts";

/** `pnpm ops tokens`. */
export const tokens: Command = {
  summary: "which tokens are captured, and whether the server takes them; get and rotate",
  usage: "[get OWNER --reveal | rotate OWNER]",
  options: { reveal: { type: "boolean" }, url: { type: "string" } },
  async run(context) {
    const [verb, owner, ...rest] = context.words;
    if (verb === undefined) return list(context);
    if (rest.length > 0 || owner === undefined) throw unknownOwner(context, owner ?? "");
    if (verb === "get") return get(context, findToken(context, owner));
    if (verb === "rotate") return explainRotation(context, findToken(context, owner));
    throw new UsageError(
      `tokens has no "${verb}".`,
      "There are: tokens, tokens get OWNER, tokens rotate OWNER.",
    );
  },
};

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
  context.print(await readValue(context, secret));
  return 0;
}

/** A rotation takes the token away from its holder, so a person does it, knowing the order. */
function explainRotation(context: CommandContext, { owner, kind, secret }: TokenSecret): number {
  const { stage } = context.settings;
  const deploy = `pnpm sst deploy --stage ${stage}`;
  const empty =
    `aws secretsmanager update-secret-version-stage --secret-id ${secret} --version-stage AWSCURRENT ` +
    "--remove-from-version-id VERSION";
  const steps: Readonly<Record<TokenSecret["kind"], readonly string[]>> = {
    agent: [
      `See the token's id: GET /api/tokens with the admin token, subject ${owner}.`,
      "Make its successor: POST /api/tokens with subject_type agent, and the same subject_id.",
      `Put it into a file, then: aws secretsmanager put-secret-value --secret-id ${secret} --secret-string file://FILE`,
      `Let the agent take it: ${deploy} (a new version of the secret replaces its tasks).`,
      "When the agent shows up healthy, revoke the old one: DELETE /api/tokens/ID. Delete the file.",
    ],
    metrics: [
      `Take the old value out of use: ${empty}`,
      `Capture again: ${deploy}. The capture asks the server for a new token of user ${METRICS_USER}; the old one stops working at once.`,
      `The poller reads the new one after its first refusal. See: pnpm ops status --stage ${stage}`,
    ],
    admin: [
      "The server makes a new admin token, and with it new agent tokens, only at a start with --force-bootstrap: " +
        "it revokes all bootstrap tokens, so agents are refused until the end of these steps.",
      "Never delete or move the token files: the server does not start without them.",
      `Stop the server's task (pnpm ops restart replaces it, so set the service to 0 tasks first), and run one task of its task definition whose ` +
        `command ends in --force-bootstrap, until its log says that the tokens were written to ${SERVER.stateDirectory}.`,
      `Take the old values out of use, in each of the stage's token secrets: ${empty}`,
      `Start the service and capture again: ${deploy}. See: pnpm ops tokens --stage ${stage}`,
    ],
  };
  context.print(`To rotate the token of ${owner} (secret ${secret}):`);
  for (const [index, step] of steps[kind].entries()) context.print(`${index + 1}. ${step}`);
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
