import { actionOptions, table, UsageError } from "@dbward-aws/cli";
import { DAY_MS } from "@dbward-aws/contract";
import { describeSecret, type TokenSecret, tokenSecrets } from "@dbward-aws/stage";
import {
  callOptions,
  prefixOf,
  rotationState,
  type ServerAccess,
  TokenStore,
  type TokenVersions,
  type Verdict,
  verifyToken,
} from "@dbward-aws/token-rotation";
import { type CommandContext, command } from "../command.ts";
import { recapture } from "../recapture.ts";
import { tryServer, urlOption } from "../server-access.ts";
import { taskCommand } from "../stopped-stage.ts";
import { findToken, ownerPositional, readToken } from "../token-value.ts";
import { recover } from "../tokens/recover.ts";
import { revoke } from "../tokens/revoke.ts";
import { rotate } from "../tokens/rotate.ts";

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
type TokenState = Verdict | "captured";

async function list(context: CommandContext, url: string | undefined, json: boolean): Promise<number> {
  const { print, settings, clients, names, signal } = context;
  const { rotateAfterDays } = settings.tokens;
  const server = await tryServer(context, url);
  try {
    const rows = await Promise.all(
      tokenSecrets(settings, names).map(async (token) => {
        const { state, changedAt } = await describeSecret(clients, token.secret);
        const versions = state === "filled" ? await new TokenStore(clients, token.secret).read() : {};
        const verdict: TokenState =
          "client" in server
            ? await verifyToken({ client: server.client, signal }, token.kind, versions.current?.value)
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
        ageDays: ageOf(versions),
        ...(rotateAfterDays !== undefined && { rotationDue: (ageOf(versions) ?? 0) >= rotateAfterDays }),
        version: versions.current?.id,
        changed: changedAt?.toISOString(),
      }));
      print(JSON.stringify({ stage: settings.stage, tokens: captured, issued }));
    } else {
      const cells = rows.map(({ token: { owner, secret }, versions, verdict, changedAt }) => [
        owner,
        secret,
        stateText(verdict, versions, rotateAfterDays),
        ageText(versions),
        versions.current?.id ?? "",
        changedAt?.toISOString() ?? "",
      ]);
      for (const line of table([["OWNER", "SECRET", "STATE", "AGE", "VERSION", "CHANGED"], ...cells]))
        print(line);
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

/** Whole days since the token was stored; `undefined` when there is none. */
function ageOf({ current }: TokenVersions): number | undefined {
  return current?.createdAt && Math.floor((Date.now() - current.createdAt.getTime()) / DAY_MS);
}

function ageText(versions: TokenVersions): string {
  const days = ageOf(versions);
  return days === undefined ? "" : days === 1 ? "1 day" : `${days} days`;
}

function stateText(state: TokenState, versions: TokenVersions, rotateAfterDays: number | undefined): string {
  if (rotationState(versions) !== "none") return `${state}, rotation not finished`;
  const days = ageOf(versions);
  return days !== undefined && days >= (rotateAfterDays ?? Number.POSITIVE_INFINITY)
    ? `${state}, rotation due`
    : state;
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
