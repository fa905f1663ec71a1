import { z } from "zod";
import type { DeepReadonly } from "./deep-readonly.ts";
import { always, asFields } from "./unknown-values.ts";

const fields = z.strictObject({
  backend: z
    .enum(["s3", "local"])
    .default("s3")
    .meta({ description: "`s3`: a bucket of the stage; `local`: the server's file system." }),
  retentionDays: z
    .int()
    .min(1, "must be 1 or more days")
    .max(3650, "must be at most 3650 days")
    .default(30)
    .meta({ description: "Days after which results in the bucket expire." }),
  versioning: z
    .boolean()
    .default(false)
    .meta({
      description:
        "Keep overwritten and deleted results in the stage's bucket for another 30 days. A result then lives up to 30 days longer than " +
        "`retentionDays`.",
    }),
  bucketName: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be the name of a bucket")
    .optional()
    .meta({
      description: "An existing bucket, in the region of the stage. Its encryption and its expiry are yours.",
      whenOmitted: "a bucket of the stage",
    }),
});

/** The schema for this storage: some checks must tell a setting that was left out from one that has its default value. */
export function storageSchema(storage: unknown) {
  return fields
    .superRefine(
      (_value, context) => {
        const { backend, bucketName, retentionDays, versioning } = asFields(storage);
        const refuse = (path: string, message: string) =>
          context.addIssue({ code: "custom", path: [path], message });
        if (bucketName === undefined) return;
        if (backend === "local")
          refuse("bucketName", 'has no effect with backend "local": leave out one of the two');
        if (versioning !== undefined)
          refuse(
            "versioning",
            "has no effect on an existing bucket: set its versioning yourself, and leave this out",
          );
        if (retentionDays !== undefined)
          refuse(
            "retentionDays",
            "has no effect on an existing bucket: give the bucket a lifecycle rule for the prefix results/, and leave this out",
          );
      },
      { when: always },
    )
    .meta({ title: "Query results", description: "Where the results of queries are kept." });
}

export type StorageSettings = DeepReadonly<z.output<typeof fields>>;
