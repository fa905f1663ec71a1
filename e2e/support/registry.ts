import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A registry on this machine that has every tag of every image, for both platforms. */
export interface Registry {
  /** Host and port, as a repository's name begins. */
  readonly host: string;
  close(): Promise<void>;
}

/** Starts one: which tags a public registry has is no matter of a story. */
export async function startRegistry(): Promise<Registry> {
  const manifests = ["arm64", "amd64"].map((architecture) => ({ platform: { os: "linux", architecture } }));
  // Each image has a digest of its own.
  const server = createServer(({ url }, response) => void response.end(JSON.stringify({ url, manifests })));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
