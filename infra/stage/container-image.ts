import { type EcrRepository, ecrRepository, type ImageSettings, imageAddress } from "@dbward-aws/settings";
import { Stack } from "aws-cdk-lib";
import * as ecr from "aws-cdk-lib/aws-ecr";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type { Construct } from "constructs";

/**
 * The image of a container. One in ECR, of whichever account and region, gives the execution role the right
 * to pull from its repository, and from no other; any other image must be readable by everybody.
 */
export function containerImage(scope: Construct, image: ImageSettings): ecs.ContainerImage {
  const address = imageAddress(image.repository, image.tag);
  const found = ecrRepository(image.repository);
  if (found) return new EcrImage(repositoryOf(scope, found), address, image.pullThroughCache);
  if (image.ecrRepositoryName === undefined) return ecs.ContainerImage.fromRegistry(address);
  const repository = ecr.Repository.fromRepositoryName(scope, "Repository", image.ecrRepositoryName);
  return new EcrImage(repository, repository.repositoryUriForTagOrDigest(image.tag), image.pullThroughCache);
}

function repositoryOf(scope: Construct, { account, region, name }: EcrRepository): ecr.IRepository {
  return ecr.Repository.fromRepositoryAttributes(scope, "Repository", {
    repositoryName: name,
    repositoryArn: Stack.of(scope).formatArn({
      service: "ecr",
      account,
      region,
      resource: "repository",
      resourceName: name,
    }),
  });
}

/**
 * An image in ECR by the address that was written: CDK's own knows only one of the hosts that a registry has.
 */
class EcrImage extends ecs.ContainerImage {
  readonly #repository: ecr.IRepository;
  readonly #address: string;
  readonly #cached: boolean;

  /** @param cached whether the repository belongs to a pull-through cache */
  constructor(repository: ecr.IRepository, address: string, cached: boolean) {
    super();
    this.#repository = repository;
    this.#address = address;
    this.#cached = cached;
  }

  override bind(_scope: Construct, container: ecs.ContainerDefinition): ecs.ContainerImageConfig {
    const role = container.taskDefinition.obtainExecutionRole();
    this.#repository.grantPull(role);
    // The first pull creates the repository and imports the image, in the name of whoever pulls.
    if (this.#cached) this.#repository.grant(role, "ecr:BatchImportUpstreamImage", "ecr:CreateRepository");
    return { imageName: this.#address };
  }
}
