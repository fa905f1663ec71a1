import type { Finding } from "@dbward-aws/stage";
import { tokenSecrets } from "@dbward-aws/stage";
import { TokenStore, verifyToken } from "@dbward-aws/token-rotation";
import type { CommandContext } from "../command.ts";
import { tryServer } from "../server-access.ts";

/**
 * Asks the server for each captured token. When it can't be reached, other findings say why, and there is none here.
 *
 * @param url of the server. @default - through its task
 * @throws AwsCallError, DbwardRequestError
 */
export async function refusedTokens(context: CommandContext, url?: string): Promise<Finding[]> {
  const { clients, settings, names, links, signal } = context;
  const server = await tryServer(context, url);
  if (!("client" in server)) return [];
  try {
    const findings: Finding[] = [];
    for (const { owner, kind, secret } of tokenSecrets(settings, names)) {
      const { current } = await new TokenStore(clients, secret).read();
      // Secrets without a token have a finding of their own.
      if (!current || (await verifyToken({ client: server.client, signal }, kind, current.value)) === "works")
        continue;
      const verb = kind === "admin" ? "recover" : `rotate ${owner}`;
      findings.push({
        code: "token-refused",
        subject: secret,
        severity: "error",
        problem: `The server refuses the token of ${owner}, which is in secret ${secret}.`,
        evidence: [],
        remedy: `Run: pnpm ops tokens ${verb} --stage ${settings.stage}`,
        ...(links && { link: links.secret(secret) }),
      });
    }
    return findings;
  } finally {
    await server.close();
  }
}
