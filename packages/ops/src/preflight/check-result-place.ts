import { STACK_OUTPUTS } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { type LiveStack, resourceIds } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";

/** Results stay where they were stored: a server that looks for them in another place finds none of the earlier ones. */
export function checkResultPlace(
  { storage }: StageSettings,
  stacks: readonly LiveStack[],
  findings: PreflightFindings,
): void {
  const state = stacks.find(({ id }) => id === "State");
  const deployed = state?.outputs.get(STACK_OUTPUTS.resultBucket);
  if (deployed === undefined) return;
  const isOwn = resourceIds(state, "AWS::S3::Bucket").includes(deployed);
  if (storage.backend === "s3" && (storage.bucketName ?? (isOwn ? deployed : undefined)) === deployed) return;
  const next =
    storage.backend === "local"
      ? "the server's file system"
      : storage.bucketName === undefined
        ? "a new bucket"
        : `bucket ${storage.bucketName}`;
  findings.warn(
    `storage: results go to ${next} from now on. Those in bucket ${deployed} stay there, and dbward no longer finds them`,
  );
}
