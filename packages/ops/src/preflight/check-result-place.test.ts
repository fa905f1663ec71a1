import type { StageSettings } from "@dbward-aws/settings";
import type { LiveStack } from "@dbward-aws/stage";
import { expect, it } from "vitest";
import { stageSettings } from "../test-support/ops-run.ts";
import { checkResultPlace } from "./check-result-place.ts";
import { PreflightFindings } from "./findings.ts";

/** @param own whether the bucket is the stage's own */
function deployed(bucket: string, own: boolean): LiveStack {
  const resources = [
    { LogicalResourceId: "Results", ResourceType: "AWS::S3::Bucket", PhysicalResourceId: bucket },
  ].map((each) => ({
    ...each,
    ResourceStatus: "CREATE_COMPLETE" as const,
    LastUpdatedTimestamp: new Date(0),
  }));
  return {
    id: "State",
    name: "prod-dbward-State",
    arn: "arn:aws:cloudformation:eu-central-1:123456789012:stack/prod-dbward-State/1",
    status: "CREATE_COMPLETE",
    isProtected: true,
    resources: own ? resources : [],
    outputs: new Map([["BucketName", bucket]]),
  };
}

function warnings(storage: StageSettings["storage"], stacks: readonly LiveStack[]): readonly string[] {
  const findings = new PreflightFindings();
  checkResultPlace({ ...stageSettings(), storage }, stacks, findings);
  expect(findings.mistakes).toEqual([]);
  return findings.warnings;
}

const OWN = { backend: "s3", retentionDays: 30, versioning: false } as const;

it.each([
  ["the file system", { ...OWN, backend: "local" as const }, deployed("a", true), "the server's file system"],
  ["another bucket", { ...OWN, bucketName: "b" }, deployed("a", true), "bucket b"],
  ["a bucket of its own", OWN, deployed("a", false), "a new bucket"],
])("warns that results go to %s", (_title, storage, stack, place) => {
  expect(warnings(storage, [stack])).toEqual([
    `storage: results go to ${place} from now on. Those in bucket a stay there, and dbward no longer finds them`,
  ]);
});

it.each([
  ["its own bucket", OWN, [deployed("a", true)]],
  ["the bucket that was there before", { ...OWN, bucketName: "a" }, [deployed("a", false)]],
  ["its own bucket, by its name", { ...OWN, bucketName: "a" }, [deployed("a", true)]],
  ["a bucket at the first deployment", OWN, []],
])("says nothing while they go to %s", (_title, storage, stacks) => {
  expect(warnings(storage, stacks)).toEqual([]);
});
