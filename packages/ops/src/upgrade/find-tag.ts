import { z } from "zod";

/** Milliseconds for each request: the answer is a convenience, and a registry can be out of reach. */
const REQUEST_MS = 5_000;
/** Bytes of an answer of a registry's token service that are read at most. */
const MAX_ANSWER = 64 * 1024;
/** Lists of manifests and manifests, of OCI and of Docker. */
const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** Whether a registry has a tag; `unknown` when it gave no answer, or wants a login. */
export type TagState = "found" | "missing" | "unknown";

/**
 * Asks a registry for a tag of an image, without a login, by the API of the OCI distribution specification.
 *
 * @param repository such as `ghcr.io/dbward-dev/dbward-server`; those of a registry in ECR need a login
 */
export async function findTag(repository: string, tag: string, signal: AbortSignal): Promise<TagState> {
  const slash = repository.indexOf("/");
  const [registry, name] = [repository.slice(0, slash), repository.slice(slash + 1)];
  // As container tools do: plain HTTP is for registries of this machine.
  const scheme = isLoopback(registry) ? "http" : "https";
  const url = `${scheme}://${registry}/v2/${name}/manifests/${encodeURIComponent(tag)}`;
  try {
    let status = await requestManifest(url, signal);
    if (status.code === 401 && status.challenge) {
      const token = await anonymousToken(status.challenge, registry, signal);
      if (token !== undefined) status = await requestManifest(url, signal, token);
    }
    return status.code === 200 ? "found" : status.code === 404 ? "missing" : "unknown";
  } catch {
    signal.throwIfAborted();
    return "unknown";
  }
}

async function requestManifest(url: string, signal: AbortSignal, token?: string) {
  const answer = await fetch(url, {
    method: "HEAD",
    redirect: "manual",
    headers: { accept: ACCEPT, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
  });
  return { code: answer.status, challenge: answer.headers.get("www-authenticate") };
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
  const answer = await fetch(url, {
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
  });
  if (!answer.ok || !answer.body) return undefined;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > MAX_ANSWER) return undefined;
    chunks.push(chunk);
  }
  const { token, access_token } = TOKEN.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  return token ?? access_token;
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);
}
