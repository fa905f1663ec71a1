import {
  type AwsClients,
  connectToServer,
  describeServices,
  describeTaskDefinition,
} from "@dbward-aws/stage";
import type { CommandContext } from "../command.ts";
import { waitForServer } from "../server-access.ts";
import { findToken, readToken } from "../token-value.ts";
import { AdoptionError } from "./adopt-context.ts";
import type { AdoptionRecord } from "./adoption-record.ts";
import { ContentError, missingContent, readAdminToken, readContent } from "./server-content.ts";

/**
 * That the server of the stage has what the former one had, on the same file system.
 *
 * @throws AdoptionError, ContentError, AwsCallError; what `waitForServer` throws
 */
export async function verifyStage(
  context: CommandContext,
  { before, fileSystemId }: AdoptionRecord,
): Promise<void> {
  await verifyFileSystem(context, fileSystemId);
  const server = await waitForServer(context);
  try {
    const token = await readToken(context, findToken(context, "admin"));
    const missing = missingContent(before, await readContent(server.client, token));
    if (missing.length > 0)
      throw new ContentError(
        missing,
        "Check that state.fileSystemId and state.accessPointId are those of the former server.",
      );
  } finally {
    await server.close();
  }
}

/** That the deployed server has the file system which the settings name: they may have been read from elsewhere. */
async function verifyFileSystem({ clients, names }: CommandContext, wanted: string): Promise<void> {
  const { cluster, serverService } = names;
  const service = (await describeServices(clients, cluster, [serverService])).get(serverService);
  const { volumes = [] } = await describeTaskDefinition(clients, service?.taskDefinition ?? "");
  const mounted = volumes.flatMap(({ efsVolumeConfiguration: efs }) =>
    efs?.fileSystemId ? [efs.fileSystemId.split("/").at(-1)] : [],
  );
  if (mounted.includes(wanted)) return;
  throw new AdoptionError(
    `The stage's server was deployed on file system ${mounted.join(", ") || "none"}, not on ${wanted}.`,
    "See which dbward.config.ts the deployment reads, and go back with `pnpm ops adopt --back`.",
  );
}

/**
 * That the former server has what it had.
 *
 * @throws ContentError; what `connectToServer` and `EcsExec` throw
 */
export async function verifyFormer(
  clients: AwsClients,
  record: AdoptionRecord,
  signal: AbortSignal,
): Promise<void> {
  const connection = await connectToServer(clients, record.server, { signal, waitForTask: 60_000 });
  try {
    const token = await readAdminToken(clients, record.server, signal);
    const missing = missingContent(record.before, await readContent(connection.client, token));
    if (missing.length > 0)
      throw new ContentError(missing, "Somebody may have revoked tokens or deleted users in the meantime.");
  } finally {
    await connection.close();
  }
}
