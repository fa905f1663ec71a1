import type { ECRClient } from "@aws-sdk/client-ecr";
import {
  type EcrRepository,
  ecrRepositoryOf,
  type ImageSettings,
  imageAddress,
  type StageSettings,
  VERSIONS_FILE,
} from "@dbward-aws/settings";
import { findEcrImage } from "../images/find-ecr-image.ts";
import { findImage, type ImageState } from "../images/find-image.ts";
import { PLATFORMS } from "../images/manifest.ts";
import { UpgradeError } from "./upgrade-error.ts";
import type { WantedTags } from "./upgrade-stage.ts";

/** What is needed to look images up. */
export interface ImageLookUp {
  /** Account and region of the stage. */
  readonly account: string;
  readonly region: string;
  /** In the stage's region. */
  readonly ecr: ECRClient;
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
}

/**
 * Looks up the images of a version, and says by what the settings are to name them.
 *
 * @param pins whether each is named by the digest, too, that its registry has for the tag now
 * @throws UpgradeError when an image is missing, is for another platform, or its digest is not known
 */
export async function wantedTags(
  { server, agents, architecture }: StageSettings,
  tag: string,
  pins: boolean,
  lookUp: ImageLookUp,
): Promise<WantedTags> {
  const used = new Map([server, ...agents].map(({ image }) => [keyOf(image), image]));
  const images = await Promise.all([...used.values()].map((image) => look(image, tag, pins, lookUp)));

  const missing = images.filter(({ state }) => state === "missing").map(({ address }) => address);
  if (missing.length > 0)
    throw new UpgradeError(
      `The registry has no ${missing.join(" and no ")}.`,
      "Check the version, or wait until its images are published.",
    );
  const wanted = PLATFORMS[architecture];
  for (const image of images) {
    const platforms = image.state === "found" ? image.platforms : undefined;
    if (platforms && !platforms.includes(wanted))
      throw new UpgradeError(
        `${image.address} is for ${platforms.join(", ") || "no platform"}, and tasks run on ${wanted}.`,
        "Set architecture to one that the image has, or push an image that has this one.",
      );
  }
  const unknown = images.filter(({ state }) => state === "unknown").map(({ address }) => address);
  if (pins && unknown.length > 0)
    throw new UpgradeError(
      `The digest of ${unknown.join(" and ")} was not found out: the registry gave no answer, or requires a login.`,
      `Run it with --no-pin, or write the tag with its digest into ${VERSIONS_FILE} and deploy.`,
    );
  for (const address of unknown) lookUp.warn(`Warning: whether ${address} exists was not found out.`);
  if (!pins) return { server: tag, agents: tag };

  const digestOf = (image: ImageSettings) => {
    const found = images.find(({ key }) => key === keyOf(image));
    return found?.state === "found" ? found.digest : "";
  };
  const [ofAgents = "", ...others] = new Set(agents.map(({ image }) => digestOf(image)));
  if (others.length > 0)
    throw new UpgradeError(
      `The agents use different images, and ${VERSIONS_FILE} has one digest for all of them.`,
      "Run it with --no-pin, or use one image for all agents.",
    );
  return { server: `${tag}@${digestOf(server.image)}`, agents: `${tag}@${ofAgents}` };
}

type SeenImage = (ImageState | { readonly state: "left-to-preflight" }) & {
  readonly key: string;
  readonly address: string;
};

async function look(
  image: ImageSettings,
  tag: string,
  pins: boolean,
  { account, region, ecr, signal }: ImageLookUp,
): Promise<SeenImage> {
  const repository = ecrRepositoryOf(image, { account, region });
  const seen = { key: keyOf(image), address: imageAddress(keyOf(image), tag) };
  if (!repository) return { ...seen, ...(await findImage(image.repository, tag, signal)) };
  // Preflight looks for images in ECR.
  if (!pins) return { ...seen, state: "left-to-preflight" };
  return { ...seen, ...(await inEcr(repository, tag, region, ecr)) };
}

async function inEcr(
  { account, region, name }: EcrRepository,
  tag: string,
  ownRegion: string,
  ecr: ECRClient,
): Promise<ImageState> {
  if (region !== ownRegion) return { state: "unknown" };
  const found = await findEcrImage(ecr, { account, repository: name }, tag);
  if (found.state === "altered")
    throw new UpgradeError(
      `ECR has a manifest of ${imageAddress(name, tag)} that doesn't have its digest.`,
      "Push the image again.",
    );
  return found.state === "found" ? found : { state: "missing" };
}

/** Repository of an image, as the settings name it. */
function keyOf({ repository, ecrRepositoryName }: ImageSettings): string {
  return ecrRepositoryName ?? repository;
}
