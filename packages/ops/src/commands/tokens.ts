import { actionOptions, table, UsageError } from "@dbward-aws/cli";
import { type DbwardClient, TokenRefusedError } from "@dbward-aws/dbward-client";
import { describeSecret, type TokenSecret, tokenSecrets } from "@dbward-aws/stage";
import { type CommandContext, command } from "../command.ts";
import { recapture } from "../recapture.ts";
import { tryServer, urlOption } from "../server-access.ts";
import { taskCommand } from "../stopped-stage.ts";
import { findToken, ownerPositional, readToken } from "../token-value.ts";
import { recover } from "../tokens/recover.ts";
import { revoke } from "../tokens/revoke.ts";
import { rotate } from "../tokens/rotate.ts";
import { rotationState } from "../tokens/rotate-token.ts";
import { callOptions, isAccepted, prefixOf, type ServerAccess } from "../tokens/server-tokens.ts";
import { TokenStore, type TokenVersions } from "../tokens/token-store.ts";

/** `pnpm ops tokens`. */
export const tokens = command({
  command: "tokens",
  summary: "Show tokens, replace, revoke and recover them",
  commands: [
    command({
      command: ["list", "$0"],
      summary: "Show which tokens are captured, whether the server accepts them, and what else it has issued",
      examples: [["tokens --stage prod", "Exit code 1 when a token is missing or refused"]],
      options: (yargs) =>
        urlOption(yargs).option("json", { type: "boolean", default: false, describe: "Print JSON" }),
      run: (context, { url, json }) => list(context, url, json),
    }),
    command({
      command: "get <owner>",
      summary: "Print a token",
      examples: [["tokens get admin --reveal --stage prod", "To standard output, in plain text"]],
      options: (yargs) =>
        ownerPositional(yargs).option("reveal", { type: "boolean", describe: "Really print it" }),
      run: (context, { owner, reveal }) => get(context, findToken(context, owner), reveal === true),
    }),
    taskCommand({
      command: "rotate <owner>",
      summary: "Replace a token with a new one, and revoke the former one",
      examples: [
        ["tokens rotate app --stage prod", "The agent app works on while its tasks are replaced"],
        ["tokens rotate metrics --dry-run --stage prod", "Shows the plan only"],
      ],
      options: (yargs) => actionOptions(urlOption(ownerPositional(yargs))),
      run: (context, { owner, url, ...options }) => rotate(context, findToken(context, owner), url, options),
    }),
    taskCommand({
      command: "revoke <id>",
      summary: "Revoke a token that the stage doesn't use",
      examples: [["tokens revoke 0d83e841-c2b1-4c5a-89ac-a668076fbe0c --stage prod", "An id of the list"]],
      options: (yargs) =>
        actionOptions(
          urlOption(
            yargs.positional("id", {
              type: "string",
              demandOption: true,
              describe: "Id of the token, or its prefix",
            }),
          ),
        ),
      run: (context, { id, url, ...options }) => revoke(context, id, url, options),
    }),
    taskCommand({
      command: "recover",
      summary: "Make the server write new bootstrap tokens, when that of the administrator is lost or leaked",
      examples: [["tokens recover --stage prod", "The server is stopped for some minutes"]],
      options: (yargs) => actionOptions(urlOption(yargs)),
      run: (context, { url, ...options }) => recover(context, url, options),
    }),
    taskCommand({
      command: "recapture",
      summary: "Run the token capture again, which fills empty secrets",
      examples: [["tokens recapture --stage prod", "Keeps secrets that hold a token"]],
      options: urlOption,
      async run(context, { url }) {
        await recapture(context);
        return list(context, url, false);
      },
    }),
  ],
});

/** The state of one token; `captured` when the server could not be asked. */
type Verdict = "works" | "refused" | "captured" | "not captured";

async function list(context: CommandContext, url: string | undefined, json: boolean): Promise<number> {
  const { print, settings, clients, names, signal } = context;
  const server = await tryServer(context, url);
  try {
    const rows = await Promise.all(
      tokenSecrets(settings, names).map(async (token) => {
        const { state, changedAt } = await describeSecret(clients, token.secret);
        const versions = state === "filled" ? await new TokenStore(clients, token.secret).read() : {};
        const verdict =
          "client" in server
            ? await verify(server.client, token, versions, signal)
            : versions.current
              ? "captured"
              : "not captured";
        return { token, versions, verdict, changedAt };
      }),
    );
    const admin = rows.find(({ token, verdict }) => token.kind === "admin" && verdict === "works");
    const issued =
      "client" in server && admin
        ? await issuedTokens(
            { client: server.client, adminToken: admin.versions.current!.value, signal },
            rows,
          )
        : undefined;
    if (json) {
      const captured = rows.map(({ token: { owner, secret }, versions, verdict, changedAt }) => ({
        owner,
        secret,
        state: verdict,
        rotation: rotationState(versions),
        version: versions.current?.id,
        changed: changedAt?.toISOString(),
      }));
      print(JSON.stringify({ stage: settings.stage, tokens: captured, issued }));
    } else {
      const cells = rows.map(({ token: { owner, secret }, versions, verdict, changedAt }) => [
        owner,
        secret,
        rotationState(versions) === "none" ? verdict : `${verdict}, rotation not finished`,
        versions.current?.id ?? "",
        changedAt?.toISOString() ?? "",
      ]);
      for (const line of table([["OWNER", "SECRET", "STATE", "VERSION", "CHANGED"], ...cells])) print(line);
      if (issued && issued.length > 0) {
        print("\nActive tokens that the server has issued, bootstrap tokens left out:");
        const lines = issued.map(({ id, subject, name, created, usedBy }) => [
          id,
          subject,
          name,
          created,
          usedBy ?? "",
        ]);
        for (const line of table([["ID", "SUBJECT", "NAME", "CREATED", "USED BY"], ...lines])) print(line);
      }
      if ("unreachable" in server)
        print(`\nWhether the server accepts them is not known: ${server.unreachable.message}`);
      for (const { token, verdict, versions } of rows) {
        const rotateCommand = `pnpm ops tokens rotate ${token.owner} --stage ${settings.stage}`;
        if (rotationState(versions) !== "none")
          print(
            `\nThe rotation of the token of ${token.owner} was interrupted. To finish it, run: ${rotateCommand}`,
          );
        else if (verdict === "refused")
          print(
            `\nThe server refuses the token of ${token.owner}. Run: ${
              token.kind === "admin" ? `pnpm ops tokens recover --stage ${settings.stage}` : rotateCommand
            }`,
          );
      }
    }
    return rows.every(({ verdict }) => verdict === "works") ? 0 : 1;
  } finally {
    if ("client" in server) await server.close();
  }
}

/** Makes a call that the token's owner is allowed to make. The value is sent nowhere else. */
async function verify(
  client: DbwardClient,
  { kind }: TokenSecret,
  { current }: TokenVersions,
  signal: AbortSignal,
): Promise<Verdict> {
  if (!current) return "not captured";
  const access = { client, adminToken: current.value, signal };
  if (kind === "agent") return (await isAccepted(access, current.value)) ? "works" : "refused";
  try {
    await (kind === "admin" ? client.listTokens(callOptions(access)) : client.agents(callOptions(access)));
    return "works";
  } catch (error) {
    if (error instanceof TokenRefusedError) return "refused";
    throw error;
  }
}

async function issuedTokens(
  access: ServerAccess,
  stored: readonly { readonly token: TokenSecret; readonly versions: TokenVersions }[],
) {
  const rows = await access.client.listTokens(callOptions(access));
  return rows
    .filter(({ status }) => status === "active")
    .map(({ id, subjectId = "", name = "", prefix, createdAt = "" }) => ({
      id,
      subject: subjectId,
      name,
      created: createdAt,
      usedBy: stored.find(({ versions }) => versions.current && prefixOf(versions.current.value) === prefix)
        ?.token.owner,
    }));
}

async function get(context: CommandContext, token: TokenSecret, reveal: boolean): Promise<number> {
  const { owner, secret } = token;
  if (!reveal)
    throw new UsageError(
      `--reveal is required to print the token of ${owner}.`,
      `It goes to standard output in plain text. The token is in secret ${secret}.`,
    );
  context.print(await readToken(context, token));
  return 0;
}
