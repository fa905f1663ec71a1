import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A registry on this machine that has every tag of every image, for both platforms. */
export interface Registry {
  /** Host and port, as a repository's name begins. */
  readonly host: string;
  /** The digest that a tag of an image has now. */
  digest(name: string, tag: string): string;
  /** Pushes all images anew: each tag has another digest from now on, and the former digests stay. */
  push(): void;
  close(): Promise<void>;
}

/** Starts one: which tags a public registry has is no matter of a story. */
export async function startRegistry(): Promise<Registry> {
  const platforms = ["arm64", "amd64"].map((architecture) => ({ platform: { os: "linux", architecture } }));
  const pushed = new Map<string, string>();
  let build = 1;
  const manifest = (name: string, tag: string) => {
    const annotations = { name, tag, build: String(build) };
    const text = JSON.stringify({ annotations, manifests: platforms });
    pushed.set(digestOf(text), text);
    return text;
  };
  const server = createServer(({ url = "" }, response) => {
    const [, name = "", encoded = ""] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url) ?? [];
    const reference = decodeURIComponent(encoded);
    const found = reference.startsWith("sha256:") ? pushed.get(reference) : manifest(name, reference);
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    digest: (name, tag) => digestOf(manifest(name, tag)),
    push: () => void build++,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
