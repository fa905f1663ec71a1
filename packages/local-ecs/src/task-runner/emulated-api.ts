import { callJson, type EmulatorAccess, getJson } from "@dbward-aws/local-account";

/**
 * Calls an operation of the emulated ECS and returns its answer as it is.
 *
 * The SDK drops members that it doesn't know, and task definitions that CloudFormation made inside the
 * emulator have members in CloudFormation's spelling.
 *
 * @throws EmulatorCallFailed
 */
export function callEcs<T>(access: EmulatorAccess, operation: string, input: object): Promise<T> {
  return callJson<T>(access, "ecs", operation, input);
}

/** Root directory of an EFS access point. @throws EmulatorCallFailed */
export async function accessPointPath(access: EmulatorAccess, accessPointId: string): Promise<string> {
  const { AccessPoints } = await getJson<{ AccessPoints?: { RootDirectory?: { Path?: string } }[] }>(
    access,
    "elasticfilesystem:DescribeAccessPoints",
    "elasticfilesystem",
    `/2015-02-01/access-points?AccessPointId=${encodeURIComponent(accessPointId)}`,
  );
  return AccessPoints?.[0]?.RootDirectory?.Path ?? "/";
}
