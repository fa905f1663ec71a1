/** Milliseconds for each request: the answer is a convenience, and a registry can be out of reach. */
const REQUEST_MS = 5_000;
/** Bytes of an answer that are read at most: registries take manifests of up to 4 MiB. */
const MAX_ANSWER = 4 * 1024 * 1024;

/** One request, without following a redirect. */
export function request(url: string | URL, signal: AbortSignal, headers: Record<string, string> = {}) {
  return fetch(url, {
    redirect: "manual",
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
  });
}

/** The body of an answer; `undefined` when it is longer than 4 MiB. */
export async function bytesOf({ body }: Response): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Whether a host, with or without a port, is this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);
}

/**
 * Reads what is at an address. One redirect is followed, without the headers: registries keep blobs elsewhere.
 *
 * @returns `undefined` when it can't be had, or is longer than 4 MiB
 */
export async function readUrl(
  url: string,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Buffer | undefined> {
  try {
    let answer = await request(url, signal, headers);
    const location = answer.headers.get("location");
    if ([301, 302, 303, 307, 308].includes(answer.status) && location !== null) {
      await answer.body?.cancel();
      const next = new URL(location, url);
      if (next.protocol !== "https:" && !(isLoopback(new URL(url).host) && isLoopback(next.host)))
        return undefined;
      answer = await request(next, signal);
    }
    if (answer.status === 200) return await bytesOf(answer);
    await answer.body?.cancel();
    return undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
