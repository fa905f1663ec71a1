import { createHash } from "node:crypto";
import type { StageSettings } from "@dbward-aws/settings";
import { z } from "zod";

/** Manifests and lists of them, of OCI and of Docker. */
export const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** The platform of the tasks, as manifests and `docker buildx` name it. */
export const PLATFORMS: Readonly<Record<StageSettings["architecture"], string>> = {
  arm64: "linux/arm64",
  x86_64: "linux/amd64",
};

const PLATFORM = z.object({ os: z.string(), architecture: z.string() });
const LIST = z.object({ manifests: z.array(z.object({ platform: PLATFORM.optional() })) });
const SINGLE = z.object({ config: z.object({ digest: z.string() }) });

/** Reads a blob of an image's repository; `undefined` when it can't be had. */
export type ReadBlob = (digest: string) => Promise<Uint8Array | undefined>;

/** `sha256:` and the hash of a manifest or a blob. */
export function digestOf(content: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/**
 * The platforms that an image is for: those in its list, or the one in the configuration of a single image, whose manifest
 * doesn't name it.
 *
 * @param readBlob what it returns is used only if it has the digest that was asked for
 * @returns `undefined` when it isn't known
 */
export async function platformsOf(manifest: string, readBlob: ReadBlob): Promise<string[] | undefined> {
  const value = parse(manifest);
  const list = LIST.safeParse(value).data;
  if (list) {
    // Attestations are in the list as images of an unknown platform.
    return list.manifests
      .flatMap(({ platform }) => (platform ? [nameOf(platform)] : []))
      .filter((platform) => !platform.includes("unknown"));
  }
  const digest = SINGLE.safeParse(value).data?.config.digest;
  const config = digest === undefined ? undefined : await readBlob(digest);
  if (config === undefined || digestOf(config) !== digest) return undefined;
  const platform = PLATFORM.safeParse(parse(Buffer.from(config).toString("utf8"))).data;
  return platform && [nameOf(platform)];
}

function nameOf({ os, architecture }: z.infer<typeof PLATFORM>): string {
  return `${os}/${architecture}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
