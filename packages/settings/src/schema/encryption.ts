import { z } from "zod";
import { keyArn } from "./fields.ts";

/** `encryption.kmsKey` of a stage that creates its key. */
export const NEW_KEY = "new";

export const encryption = z
  .strictObject({
    kmsKey: keyArn(NEW_KEY)
      .optional()
      .meta({
        description:
          'Customer managed key for what the stage creates: `"new"`, or the ARN of a key. It encrypts the file system, results, token ' +
          "secrets, log groups and the topic. It can't be changed later for a file system that the stage created.",
        whenOmitted: "AWS owned and AWS managed keys",
      }),
    keys: z
      .record(z.string(), keyArn())
      .default({})
      .meta({
        description:
          "Customer managed keys of resources that you created: the ARN of the key by the name of the secret, SSM parameter, bucket or topic, " +
          "exactly as it is written in these settings. The roles that read the resource may decrypt with the key.",
      }),
  })
  .meta({ title: "Customer managed keys", description: "Customer managed keys in AWS KMS." });
