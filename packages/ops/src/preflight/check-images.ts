import { DescribePullThroughCacheRulesCommand, type ECRClient } from "@aws-sdk/client-ecr";
import {
  ecrRepository,
  ecrRepositoryOf,
  imageAddress,
  imageTagParts,
  type StageSettings,
} from "@dbward-aws/settings";
import { AwsCallError } from "@dbward-aws/stage";
import { type EcrName, findEcrImage } from "../images/find-ecr-image.ts";
import { findImage } from "../images/find-image.ts";
import { PLATFORMS } from "../images/manifest.ts";
import type { AccountClients } from "./account-clients.ts";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/** An image in a private registry of ECR, by the parts of its name. */
interface EcrImage extends EcrName {
  /** A tag, a digest, or both. */
  readonly tag: string;
  /** Whether the settings say that it comes from a pull-through cache. */
  readonly pullThroughCache: boolean;
}

/** An image that is named by its digest, in a registry that is not ECR. */
interface PublicImage {
  readonly repository: string;
  readonly digest: string;
}

/**
 * Images in this region's ECR are there, with the platform that tasks run on. Other registries are asked for images with a digest alone: a tag
 * that is missing there is said by ECS, while the digest of one platform's image or of another image is easily copied, and found out late.
 */
export async function checkImages(
  { server, agents, architecture }: StageSettings,
  stage: { readonly account: string; readonly region: string },
  { ecr }: Pick<AccountClients, "ecr">,
  findings: PreflightFindings,
): Promise<void> {
  const uses = new Map<string, { image: EcrImage | PublicImage; address: string; settings: string[] }>();
  const parts: [StageSettings["server"]["image"], string][] = [
    [server.image, "server.image"],
    ...agents.map(({ image, name }): [StageSettings["server"]["image"], string] => [
      image,
      `image of agent ${name}`,
    ]),
  ];
  for (const [named, setting] of parts) {
    const { repository, tag, pullThroughCache } = named;
    const { digest } = imageTagParts(tag);
    const found = ecrRepositoryOf(named, stage);
    if (found ? found.region !== stage.region : digest === undefined) continue;
    const image = found
      ? { account: found.account, repository: found.name, tag, pullThroughCache }
      : { repository, digest: digest! };
    const address = imageAddress(found && !ecrRepository(repository) ? found.name : repository, tag);
    const key = `${address}:${pullThroughCache}`;
    const use = uses.get(key) ?? { image, address, settings: [] };
    use.settings.push(setting);
    uses.set(key, use);
  }
  await Promise.all(
    [...uses.values()].map(({ image, address, settings }) => {
      const subject = `Image ${address} (${settings.join(", ")})`;
      const wanted = PLATFORMS[architecture];
      if ("digest" in image) return checkPublicImage(image, subject, wanted, findings);
      return unlessDenied(subject, "ecr:BatchGetImage", findings, () =>
        checkEcrImage(image, subject, wanted, ecr, findings),
      );
    }),
  );
}

async function checkPublicImage(
  { repository, digest }: PublicImage,
  subject: string,
  wanted: string,
  findings: PreflightFindings,
): Promise<void> {
  const found = await findImage(repository, digest);
  if (found.state === "unknown") findings.warn(`${subject} was not checked: its registry did not answer`);
  else if (found.state === "found") checkPlatform(found.platforms, subject, wanted, findings);
  else
    findings.refuse(
      `${subject} isn't in its registry. Copy the digest of the tag from there, or name the tag alone`,
    );
}

function checkPlatform(
  platforms: readonly string[] | undefined,
  subject: string,
  wanted: string,
  findings: PreflightFindings,
): void {
  if (platforms && !platforms.includes(wanted))
    findings.refuse(
      `${subject} is for ${platforms.join(", ") || "no platform"}, and tasks run on ${wanted}. Push an image that has it ` +
        `(docker buildx build --platform ${wanted}), or set architecture to one that the image has`,
    );
}

async function checkEcrImage(
  { account, repository, tag, pullThroughCache }: EcrImage,
  subject: string,
  wanted: string,
  ecr: ECRClient,
  findings: PreflightFindings,
): Promise<void> {
  const found = await findEcrImage(ecr, { account, repository }, tag);
  if (found.state === "found") {
    checkPlatform(found.platforms, subject, wanted, findings);
    return;
  }
  if (found.state === "altered") {
    findings.refuse(`${subject} has a manifest in ECR that doesn't have its digest. Push the image again`);
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
    found.state === "missing"
      ? `${subject} isn't in its repository. Push it, or name an existing tag`
      : `${subject} is in a repository that doesn't exist in account ${account}: create it and push the image, or make a pull-through ` +
          "cache rule for it",
  );
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
