import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { AGENT, SERVER } from "@dbward-aws/contract";
import { DbwardError, Deadline } from "@dbward-aws/core";
import type { DbwardClient } from "@dbward-aws/dbward-client";
import { EcsExec } from "@dbward-aws/ecs-exec";
import { kmsDataKeys } from "@dbward-aws/ecs-exec/kms";
import { ssmResumer } from "@dbward-aws/ecs-exec/ssm";
import { type AwsClients, connectToServer, during, findRunningContainer } from "@dbward-aws/stage";
import type { ServerContent } from "./adoption-record.ts";
import type { FormerAgent, FormerService } from "./hand-run.ts";

/** The content of a server differs from what it had. */
export class ContentError extends DbwardError {
  override readonly name = "ContentError";

  constructor(missing: readonly string[], hint: string) {
    super("content-differs", `The server does not have what the former one had: ${missing.join("; ")}.`, {
      hint,
    });
  }
}

/** What was read of a former server. */
export interface FormerContent {
  readonly version: string;
  readonly content: ServerContent;
  /** Name of the agent that has the token of the server's first start. */
  readonly bootstrapAgent: string | undefined;
}

/** Bytes that a token file may have. */
const TOKEN_BYTES = 4_096;
const READ_WITHIN = 120_000;

/**
 * Reads what a former server has, through ECS Exec into its task. Its tokens stay in memory.
 *
 * @throws what `EcsExec` and `connectToServer` throw; errors of DbwardClient
 */
export async function readFormerServer(
  clients: AwsClients,
  server: FormerService,
  agents: readonly FormerAgent[],
  signal: AbortSignal,
): Promise<FormerContent> {
  const [adminToken, agentToken] = await Promise.all(
    ["admin-token", "agent-token"].map((file) => readFile(clients, server, file, signal)),
  );
  const connection = await connectToServer(clients, server, { signal });
  try {
    const { version } = await connection.client.health();
    const content = await readContent(connection.client, adminToken!);
    const owners = await Promise.all(
      agents.map(
        async ({ name, secrets }) => [name, await secretText(clients, secrets[AGENT.tokenVariable])] as const,
      ),
    );
    const bootstrapAgent = owners.find(([, token]) => token !== undefined && token === agentToken)?.[0];
    return { version, content, bootstrapAgent };
  } finally {
    await connection.close();
  }
}

/** Users, tokens and the number of requests. */
export async function readContent(client: DbwardClient, token: string): Promise<ServerContent> {
  const [users, tokens, requests] = await Promise.all([
    client.listUsers({ token }),
    client.listTokens({ token }),
    client.totalRequests({ token }),
  ]);
  return {
    users: users.map(({ id }) => id).sort(),
    tokens: tokens.map(({ id }) => id).sort(),
    requests,
  };
}

/** @returns what is missing, in words; there may be more than before */
export function missingContent(before: ServerContent, after: ServerContent): string[] {
  const missing = (what: string, was: readonly string[], is: readonly string[]) => {
    const absent = was.filter((id) => !is.includes(id));
    return absent.length === 0 ? [] : [`${what} ${absent.join(", ")}`];
  };
  return [
    ...missing("users", before.users, after.users),
    ...missing("tokens", before.tokens, after.tokens),
    ...(after.requests < before.requests ? [`${before.requests - after.requests} requests`] : []),
  ];
}

/** Reads the administrator's token of a former server, for one call after it was started again. */
export function readAdminToken(
  clients: AwsClients,
  server: FormerService,
  signal: AbortSignal,
): Promise<string> {
  return readFile(clients, server, "admin-token", signal);
}

async function readFile(
  clients: AwsClients,
  server: FormerService,
  file: string,
  signal: AbortSignal,
): Promise<string> {
  const exec = new EcsExec({ ecs: clients.ecs, kms: kmsDataKeys(clients.kms), ssm: ssmResumer(clients.ssm) });
  const { stdout } = await exec.execute({
    ...(await findRunningContainer(clients, server)),
    command: ["cat", `${SERVER.stateDirectory}/${file}`],
    readOnly: true,
    requireSuccess: true,
    maxOutputBytes: TOKEN_BYTES,
    deadline: Deadline.after(READ_WITHIN, signal),
    signal,
  });
  return new TextDecoder().decode(stdout).trim();
}

/** A whole secret; that of one key is nobody's bootstrap token. */
async function secretText(
  { secrets }: AwsClients,
  valueFrom: string | undefined,
): Promise<string | undefined> {
  if (valueFrom === undefined) return undefined;
  const SecretId = valueFrom.split(":").slice(0, 7).join(":");
  const { SecretString } = await during(
    `Reading secret ${SecretId}`,
    secrets.send(new GetSecretValueCommand({ SecretId })),
  );
  return SecretString?.trim();
}
