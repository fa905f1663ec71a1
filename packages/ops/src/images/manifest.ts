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

const LIST = z.object({
  manifests: z.array(
    z.object({ platform: z.object({ os: z.string(), architecture: z.string() }).optional() }),
  ),
});

/** The platforms of an image that has several; `undefined` for a single one, whose manifest doesn't name it. */
export function platformsOf(manifest: string): string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(manifest);
  } catch {
    return undefined;
  }
  // Attestations are in the list as images of an unknown platform.
  return LIST.safeParse(value)
    .data?.manifests.flatMap(({ platform }) => (platform ? [`${platform.os}/${platform.architecture}`] : []))
    .filter((platform) => !platform.includes("unknown"));
}
