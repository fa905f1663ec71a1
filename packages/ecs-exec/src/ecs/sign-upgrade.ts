import type { ECSClient } from "@aws-sdk/client-ecs";

/** Under this name IAM and SigV4 know the service behind a session's socket. */
const SERVICE = "ssmmessages";

/**
 * Signs the request that opens a session's socket, with credentials, region and clock of the ECS client.
 * session-manager-plugin does so since 1.2.764; AWS has announced that it will be required.
 *
 * @returns headers of the request, without `host`, which the WebSocket itself sets
 */
export async function signUpgrade(ecs: ECSClient, streamUrl: string): Promise<Record<string, string>> {
  const { config } = ecs;
  const url = new URL(streamUrl);
  const query = Object.fromEntries(
    [...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)]),
  );
  const signer = await config.signer();
  const { headers } = await signer.sign(
    {
      method: "GET",
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query,
      headers: { host: url.host },
    },
    {
      signingService: SERVICE,
      signingRegion: await config.region(),
      signingDate: new Date(Date.now() + config.systemClockOffset),
    },
  );
  const { host: _host, ...others } = headers;
  return others;
}
