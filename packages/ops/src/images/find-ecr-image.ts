import { BatchGetImageCommand, type ECRClient } from "@aws-sdk/client-ecr";
import { imageTagParts } from "@dbward-aws/settings";
import { ifThere } from "@dbward-aws/stage";
import type { FoundImage } from "./find-image.ts";
import { MANIFESTS } from "./manifest.ts";

/** A repository in a private registry of ECR. */
export interface EcrName {
  /** Account of the registry. */
  readonly account: string;
  readonly repository: string;
}

/**
 * Asks ECR, in the region of the client, for an image.
 *
 * @param tag as in the settings; a digest decides
 * @throws AwsCallError
 */
export async function findEcrImage(
  ecr: ECRClient,
  { account, repository }: EcrName,
  tag: string,
): Promise<FoundImage | { readonly state: "missing" | "no-repository" }> {
  const { tag: imageTag, digest: imageDigest } = imageTagParts(tag);
  const found = await ifThere(
    `Looking up image ${repository}`,
    ecr.send(
      new BatchGetImageCommand({
        registryId: account,
        repositoryName: repository,
        imageIds: [imageDigest === undefined ? { imageTag } : { imageDigest }],
        acceptedMediaTypes: MANIFESTS,
      }),
    ),
    "RepositoryNotFoundException",
  );
  if (found === undefined) return { state: "no-repository" };
  const { imageManifest: manifest, imageId: { imageDigest: digest } = {} } = found.images?.[0] ?? {};
  if (manifest === undefined || digest === undefined) return { state: "missing" };
  return { state: "found", manifest, digest };
}
