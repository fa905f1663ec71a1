import { z } from "zod";
import * as field from "./fields.ts";
import { always, asFields } from "./unknown-values.ts";

const fileSystemId = z.string().regex(/^fs-[0-9a-f]{8,40}$/, 'must be the id of an EFS file system, "fs-…"');

/** A path that EFS accepts: up to four levels. */
const path = z
  .string()
  .max(100, "must have at most 100 characters")
  .regex(
    /^(\/(?!\.)[^$#<>;`|&?{}^*/\n]+){1,4}$/,
    'must be the path of a directory on the file system, such as "/dbward", of at most four levels',
  );

export const state = z
  .strictObject({
    fileSystemId: fileSystemId.meta({ description: "Id of the EFS file system." }),
    accessPointId: z
      .string()
      .regex(/^fsap-[0-9a-f]{8,40}$/, 'must be the id of an access point of EFS, "fsap-…"')
      .optional()
      .meta({
        description: "Id of an access point on the directory of the state.",
        whenOmitted: "a new one on `path`",
      }),
    path: path.optional().meta({
      description:
        "Directory of the state, for the new access point. It must exist. AWS Backup restores to `/aws-backup-restore_…/dbward`, from " +
        "where `pnpm ops restore` moves it.",
      whenOmitted: '`"/dbward"`',
    }),
    securityGroupId: field.securityGroupId.optional().meta({
      description:
        "Security group of the existing mount targets of the file system, one in each zone. The deployment opens it for the tasks.",
      whenOmitted: "the file system has no mount targets, and the deployment creates them",
    }),
    replaces: fileSystemId.optional().meta({
      description:
        "Id of the file system that the deployed stage uses now, to confirm that the stage moves to another one. The old one is kept.",
    }),
  })
  .superRefine(
    (value, context) => {
      const { accessPointId, path, fileSystemId, replaces } = asFields(value);
      if (accessPointId !== undefined && path !== undefined)
        context.addIssue({
          code: "custom",
          path: ["path"],
          message: "can't be set together with accessPointId, which has its own directory",
        });
      if (replaces !== undefined && replaces === fileSystemId)
        context.addIssue({
          code: "custom",
          path: ["replaces"],
          message:
            "is the same file system as fileSystemId: name the one that the stage uses now, or leave it out",
        });
    },
    { when: always },
  )
  .meta({
    title: "State that exists already",
    description: "An existing file system with the server's state.",
    whenOmitted: "a new file system",
  });
