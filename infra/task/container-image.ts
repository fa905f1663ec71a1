import type { ImageSettings } from "@dbward-aws/settings";
import * as ecr from "aws-cdk-lib/aws-ecr";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type { Construct } from "constructs";

/** `repository:tag`, or `repository@sha256:…`: how the settings' image is written. */
export function imageName(image: ImageSettings): string {
  return `${image.repository}${image.tag.startsWith("sha256:") ? "@" : ":"}${image.tag}`;
}

/**
 * The image of a container. One that names a repository in this account's ECR gives the execution role the right to
 * pull from it, and from no other; any other image must be readable by everybody.
 */
export function containerImage(scope: Construct, image: ImageSettings): ecs.ContainerImage {
  if (image.ecrRepositoryName === undefined) return ecs.ContainerImage.fromRegistry(imageName(image));
  return ecs.ContainerImage.fromEcrRepository(
    ecr.Repository.fromRepositoryName(scope, "Repository", image.ecrRepositoryName),
    image.tag,
  );
}
