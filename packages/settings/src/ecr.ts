import { partitionOf } from "./regions.ts";

/** A repository in a private registry of ECR, in any account and region. */
export interface EcrRepository {
  /** Account of the registry, 12 digits. */
  readonly account: string;
  readonly region: string;
  /** Name of the repository, such as `mirror/dbward-server`. */
  readonly name: string;
}

/** `ACCOUNT.dkr.ecr.REGION.SUFFIX`, for dual-stack `ACCOUNT.dkr-ecr.REGION.SUFFIX`; with `ecr-fips` both have FIPS endpoints. */
const ADDRESS = /^(\d{12})\.dkr([.-])ecr(?:-fips)?\.([a-z0-9-]+)\.([^/]+)\/(.+)$/;

/** The repository of an image address without a tag; `undefined` when it isn't in a private registry of ECR. */
export function ecrRepository(address: string): EcrRepository | undefined {
  const [, account, , region, , name] = ADDRESS.exec(address) ?? [];
  return account && region && name ? { account, region, name } : undefined;
}

/** How a task names an image. */
interface ImageName {
  /** Address without tag. */
  readonly repository: string;
  /** Name of a repository in the registry of the stage's own account and region. */
  readonly ecrRepositoryName?: string | undefined;
}

/**
 * The repository in ECR that an image comes from.
 *
 * @param stage account and region of the stage
 * @returns `undefined` for an image of another registry
 */
export function ecrRepositoryOf(
  { repository, ecrRepositoryName: name }: ImageName,
  stage: { readonly account: string; readonly region: string },
): EcrRepository | undefined {
  return ecrRepository(repository) ?? (name === undefined ? undefined : { ...stage, name });
}

/**
 * Why tasks without a way to the internet can't pull an image; `undefined` when they can.
 *
 * @param cause why they have no such way
 * @param remedy what else could be changed
 */
export function unreachableImage(
  { repository, ecrRepositoryName }: ImageName,
  cause: string,
  remedy: string,
): string | undefined {
  return ecrRepositoryName !== undefined || ecrRepository(repository)
    ? undefined
    : `is ${repository}, which can't be reached: ${cause}, so images must come from ECR. Copy the image there (or use a pull-through ` +
        `cache), or ${remedy}`;
}

/** What is wrong with the host of an address in ECR; `undefined` when it is valid, or its region is unknown. */
export function ecrHostProblem(address: string): string | undefined {
  const [, , separator, region = "", suffix] = ADDRESS.exec(address) ?? [];
  const partition = partitionOf(region);
  if (suffix === undefined || partition === undefined) return undefined;
  const expected =
    separator === "." ? partition.dnsSuffix : partition.dualStackDnsSuffix.replace(/^api\./, "on.");
  return suffix === expected
    ? undefined
    : `has a host that ends in "${suffix}", but ECR hosts in ${region} end in "${expected}"`;
}
