import { SSMClient } from "@aws-sdk/client-ssm";
import type { SessionResumer } from "@dbward-aws/ecs-exec";
import { ssmResumer } from "@dbward-aws/ecs-exec/ssm";

/** In a module of its own, so that the bundle can load it later. */
export function createResumer(): SessionResumer {
  return ssmResumer(new SSMClient({}));
}
