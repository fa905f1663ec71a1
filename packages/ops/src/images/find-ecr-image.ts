import { BatchGetImageCommand, type ECRClient, GetDownloadUrlForLayerCommand } from "@aws-sdk/client-ecr";
import { imageTagParts } from "@dbward-aws/settings";
import { ifThere } from "@dbward-aws/stage";
import type { FoundImage } from "./find-image.ts";
import { digestOf, MANIFESTS, platformsOf } from "./manifest.ts";
import { readUrl } from "./request.ts";

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
 * @returns `altered` for a manifest that doesn't have the digest it was asked for or is named by
 * @throws AwsCallError
 */
export async function findEcrImage(
  ecr: ECRClient,
  { account, repository }: EcrName,
  tag: string,
): Promise<FoundImage | { readonly state: "missing" | "no-repository" | "altered" }> {
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
  const { imageManifest: manifest, imageId: { imageDigest: named } = {} } = found.images?.[0] ?? {};
  if (manifest === undefined) return { state: "missing" };
  const digest = digestOf(manifest);
  if (digest !== (imageDigest ?? named ?? digest)) return { state: "altered" };
  const platforms = await platformsOf(manifest, (blob) => readLayer(ecr, { account, repository }, blob));
  return { state: "found", digest, platforms };
}

/** Without the right to do so, the platform is not known, as it is of an image whose configuration names none. */
async function readLayer(
  ecr: ECRClient,
  { account, repository }: EcrName,
  layerDigest: string,
): Promise<Uint8Array | undefined> {
  const { downloadUrl } = await ecr
    .send(new GetDownloadUrlForLayerCommand({ registryId: account, repositoryName: repository, layerDigest }))
    .catch(() => ({ downloadUrl: undefined }));
  return downloadUrl === undefined ? undefined : readUrl(downloadUrl, new AbortController().signal);
}
