import { callJson, type EmulatorAccess, getJson, optionalMember } from "@dbward-aws/local-account";
import { z } from "zod";

/**
 * Calls an operation of the emulated ECS.
 *
 * The SDK drops members that it doesn't know, and task definitions that CloudFormation made inside the
 * emulator have members in CloudFormation's spelling.
 *
 * @throws EmulatorCallFailed
 */
export function callEcs<Schema extends z.ZodType>(
  access: EmulatorAccess,
  operation: string,
  input: object,
  schema: Schema,
): Promise<z.output<Schema>> {
  return callJson(access, "ecs", operation, input, schema);
}

/** Root directory of an EFS access point. @throws EmulatorCallFailed */
export async function accessPointPath(access: EmulatorAccess, accessPointId: string): Promise<string> {
  const { AccessPoints } = await getJson(
    access,
    "elasticfilesystem:DescribeAccessPoints",
    `/2015-02-01/access-points?AccessPointId=${encodeURIComponent(accessPointId)}`,
    accessPoints,
  );
  return AccessPoints[0]?.RootDirectory?.Path ?? "/";
}

const accessPoints = z.object({
  AccessPoints: z.array(
    z.object({ RootDirectory: optionalMember(z.object({ Path: optionalMember(z.string()) })) }),
  ),
});
