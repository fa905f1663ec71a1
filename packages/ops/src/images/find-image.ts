import { z } from "zod";
import { digestOf, MANIFESTS, platformsOf } from "./manifest.ts";
import { bytesOf, isLoopback, readUrl, request } from "./request.ts";

/** An image that a registry has. */
export interface FoundImage {
  readonly state: "found";
  /** `sha256:` and the hash of the manifest, which is what ECS pulls by. */
  readonly digest: string;
  /** Such as `linux/arm64`; `undefined` when they are not known. */
  readonly platforms: readonly string[] | undefined;
}

/** What a registry says of an image; `unknown` when it gave no answer, or wants a login. */
export type ImageState = FoundImage | { readonly state: "missing" | "unknown" };

/**
 * Asks a registry for an image, without a login, by the API of the OCI distribution specification.
 *
 * @param repository such as `ghcr.io/dbward-dev/dbward-server`; those of a registry in ECR need a login
 * @param reference a tag or a digest
 * @param signal ends the search. @default - each request has 5 seconds
 */
export async function findImage(
  repository: string,
  reference: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<ImageState> {
  const slash = repository.indexOf("/");
  const [registry, name] = [repository.slice(0, slash), repository.slice(slash + 1)];
  // As container tools do: plain HTTP is for registries of this machine.
  const scheme = isLoopback(registry) ? "http" : "https";
  const base = `${scheme}://${registry}/v2/${name}`;
  try {
    const url = `${base}/manifests/${encodeURIComponent(reference)}`;
    let token: string | undefined;
    let answer = await requestManifest(url, signal);
    if (answer.status === 401 && answer.challenge) {
      token = await anonymousToken(answer.challenge, registry, signal);
      if (token !== undefined) answer = await requestManifest(url, signal, token);
    }
    const { status, manifest } = answer;
    if (status === 404) return { state: "missing" };
    if (status !== 200 || manifest === undefined) return { state: "unknown" };
    const digest = digestOf(manifest);
    // A registry that answers with another image than was asked for knows nothing that could be relied on.
    if (reference.startsWith("sha256:") && digest !== reference) return { state: "unknown" };
    const platforms = await platformsOf(manifest.toString("utf8"), (blob) =>
      readUrl(`${base}/blobs/${encodeURIComponent(blob)}`, signal, authorization(token)),
    );
    return { state: "found", digest, platforms };
  } catch {
    signal.throwIfAborted();
    return { state: "unknown" };
  }
}

async function requestManifest(url: string, signal: AbortSignal, token?: string) {
  const answer = await request(url, signal, { accept: MANIFESTS.join(", "), ...authorization(token) });
  const challenge = answer.headers.get("www-authenticate");
  if (answer.status === 200) return { status: 200, challenge, manifest: await bytesOf(answer) };
  await answer.body?.cancel();
  return { status: answer.status, challenge };
}

function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

const TOKEN = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** Follows a challenge such as `Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:…:pull"`. */
async function anonymousToken(
  challenge: string,
  registry: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]),
  );
  const realm = parameters.get("realm");
  if (!/^bearer /i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.protocol !== "https:" && !(isLoopback(registry) && isLoopback(url.host))) return undefined;
  for (const key of ["service", "scope"])
    if (parameters.has(key)) url.searchParams.set(key, parameters.get(key)!);
  const answer = await request(url, signal);
  const text = answer.ok ? await bytesOf(answer) : undefined;
  if (text === undefined) return undefined;
  const { token, access_token } = TOKEN.parse(JSON.parse(text.toString("utf8")));
  return token ?? access_token;
}
