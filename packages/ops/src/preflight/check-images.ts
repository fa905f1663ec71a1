import {
  BatchGetImageCommand,
  DescribePullThroughCacheRulesCommand,
  type ECRClient,
} from "@aws-sdk/client-ecr";
import { ecrRepository, ecrRepositoryOf, type StageSettings } from "@dbward-aws/settings";
import { AwsCallError, ifThere } from "@dbward-aws/stage";
import type { AccountClients } from "./account-clients.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/** An image in a private registry of ECR, by the parts of its name. */
interface EcrImage {
  readonly account: string;
  readonly region: string;
  readonly repository: string;
  /** A tag, or a digest. */
  readonly tag: string;
  /** Whether the settings say that it comes from a pull-through cache. */
  readonly pullThroughCache: boolean;
}

/** The platform of the tasks, as manifests and `docker buildx` name it. */
const PLATFORMS: Readonly<Record<StageSettings["architecture"], string>> = {
  arm64: "linux/arm64",
  x86_64: "linux/amd64",
};

/** Manifests and lists of them, of OCI and of Docker. */
const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/**
 * Images in this region's ECR are there, with the platform that tasks run on. Images of other registries are not asked for: ghcr.io wants no
 * login, and what is missing there is said by ECS.
 */
export async function checkImages(
  { server, agents, architecture }: StageSettings,
  stage: { readonly account: string; readonly region: string },
  { ecr }: Pick<AccountClients, "ecr">,
  findings: PreflightFindings,
): Promise<void> {
  const uses = new Map<string, { image: EcrImage; address: string; settings: string[] }>();
  const parts: [StageSettings["server"]["image"], string][] = [
    [server.image, "server.image"],
    ...agents.map(({ image, name }): [StageSettings["server"]["image"], string] => [
      image,
      `image of agent ${name}`,
    ]),
  ];
  for (const [named, setting] of parts) {
    const { tag, pullThroughCache } = named;
    const found = ecrRepositoryOf(named, stage);
    if (found?.region !== stage.region) continue;
    const image = { ...found, repository: found.name, tag, pullThroughCache };
    const address = `${ecrRepository(named.repository) ? named.repository : found.name}:${tag}`;
    const key = `${address}:${pullThroughCache}`;
    const use = uses.get(key) ?? { image, address, settings: [] };
    use.settings.push(setting);
    uses.set(key, use);
  }
  await Promise.all(
    [...uses.values()].map(({ image, address, settings }) => {
      const subject = `Image ${address} (${settings.join(", ")})`;
      return unlessDenied(subject, "ecr:BatchGetImage", findings, () =>
        checkImage(image, subject, PLATFORMS[architecture], ecr, findings),
      );
    }),
  );
}

async function checkImage(
  { account, repository, tag, pullThroughCache }: EcrImage,
  subject: string,
  wanted: string,
  ecr: ECRClient,
  findings: PreflightFindings,
): Promise<void> {
  const imageId = tag.startsWith("sha256:") ? { imageDigest: tag } : { imageTag: tag };
  const found = await ifThere(
    `Looking up image ${repository}`,
    ecr.send(
      new BatchGetImageCommand({
        registryId: account,
        repositoryName: repository,
        imageIds: [imageId],
        acceptedMediaTypes: MANIFESTS,
      }),
    ),
    "RepositoryNotFoundException",
  );
  const manifest = found?.images?.[0]?.imageManifest;
  if (manifest !== undefined) {
    const platforms = platformsOf(manifest);
    if (platforms && !platforms.includes(wanted))
      findings.refuse(
        `${subject} is for ${platforms.join(", ") || "no platform"}, and tasks run on ${wanted}. Push an image that has it ` +
          `(docker buildx build --platform ${wanted}), or set architecture to one that the image has`,
      );
    return;
  }
  // The first pull through a cache creates the repository and the image.
  if (await isCached(repository, account, ecr)) {
    if (!pullThroughCache)
      findings.refuse(
        `${subject} isn't in its repository yet. It comes from a pull-through cache: set pullThroughCache: true, so that ECS can import it`,
      );
    return;
  }
  findings.refuse(
    found
      ? `${subject} isn't in its repository. Push it, or name an existing tag`
      : `${subject} is in a repository that doesn't exist in account ${account}: create it and push the image, or make a pull-through ` +
          "cache rule for it",
  );
}

/** The platforms of an image that has several; `undefined` for a single one, whose manifest doesn't name it. */
function platformsOf(manifest: string): string[] | undefined {
  try {
    const { manifests } = JSON.parse(manifest) as {
      manifests?: { platform?: { os?: string; architecture?: string } }[];
    };
    return manifests
      ?.map(({ platform }) => `${platform?.os}/${platform?.architecture}`)
      .filter((platform) => !platform.includes("unknown") && !platform.includes("undefined"));
  } catch {
    return undefined;
  }
}

async function isCached(repository: string, account: string, ecr: ECRClient): Promise<boolean> {
  try {
    const { pullThroughCacheRules = [] } = await ecr.send(
      new DescribePullThroughCacheRulesCommand({ registryId: account }),
    );
    return pullThroughCacheRules.some(({ ecrRepositoryPrefix = "" }) =>
      repository.startsWith(`${ecrRepositoryPrefix}/`),
    );
  } catch (error) {
    throw new AwsCallError("Looking up the pull-through cache rules", error);
  }
}
