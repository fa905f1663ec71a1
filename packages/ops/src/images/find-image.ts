import { createHash } from "node:crypto";
import { z } from "zod";
import { MANIFESTS } from "./manifest.ts";

/** Milliseconds for each request: the answer is a convenience, and a registry can be out of reach. */
const REQUEST_MS = 5_000;
/** Bytes of an answer that are read at most: registries take manifests of up to 4 MiB. */
const MAX_ANSWER = 4 * 1024 * 1024;

/** An image that a registry has. */
export interface FoundImage {
  readonly state: "found";
  /** `sha256:` and the hash of the manifest, which is what ECS pulls by. */
  readonly digest: string;
  readonly manifest: string;
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
  const url = `${scheme}://${registry}/v2/${name}/manifests/${encodeURIComponent(reference)}`;
  try {
    let answer = await requestManifest(url, signal);
    if (answer.status === 401 && answer.challenge) {
      const token = await anonymousToken(answer.challenge, registry, signal);
      if (token !== undefined) answer = await requestManifest(url, signal, token);
    }
    const { status, manifest } = answer;
    if (status === 404) return { state: "missing" };
    if (status !== 200 || manifest === undefined) return { state: "unknown" };
    const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
    // A registry that answers with another image than was asked for knows nothing that could be relied on.
    if (reference.startsWith("sha256:") && digest !== reference) return { state: "unknown" };
    return { state: "found", digest, manifest: manifest.toString("utf8") };
  } catch {
    signal.throwIfAborted();
    return { state: "unknown" };
  }
}

async function requestManifest(url: string, signal: AbortSignal, token?: string) {
  const answer = await request(url, signal, {
    accept: MANIFESTS.join(", "),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  });
  const challenge = answer.headers.get("www-authenticate");
  if (answer.status === 200) return { status: 200, challenge, manifest: await bytesOf(answer) };
  await answer.body?.cancel();
  return { status: answer.status, challenge };
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

function request(url: string | URL, signal: AbortSignal, headers: Record<string, string> = {}) {
  return fetch(url, {
    redirect: "manual",
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
  });
}

/** @returns `undefined` for an answer without end */
async function bytesOf({ body }: Response): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);
}
