import { z } from "zod";
import { asFields } from "./unknown-values.ts";

/** AWS Backup keeps a recovery point for at most 100 years. */
const MAX_DAYS = 36_500;
/** Least days in which a compliance lock can still be taken off, as AWS Backup has it. */
const MIN_CHANGEABLE_DAYS = 3;

const days = z
  .int()
  .min(1, "must be 1 or more days")
  .max(MAX_DAYS, `must be at most ${MAX_DAYS} days, which is as long as AWS Backup keeps a copy`);

const lock = z
  .strictObject({
    mode: z
      .enum(["governance", "compliance"])
      .default("governance")
      .meta({
        description:
          "`governance`: an identity that may call `backup:DeleteBackupVaultLockConfiguration` can remove the lock. `compliance`: after " +
          "`changeableForDays` nobody can, not even AWS, and the copies and their price stay until they expire.",
      }),
    minDays: days.optional().meta({
      description: "Least days that a copy in the vault is kept: a job with fewer fails.",
      whenOmitted: "`keepDays`",
    }),
    maxDays: days.optional().meta({
      description: "Most days that a copy in the vault is kept: a job with more fails.",
      whenOmitted: "no limit",
    }),
    changeableForDays: z
      .int()
      .min(MIN_CHANGEABLE_DAYS, `must be ${MIN_CHANGEABLE_DAYS} or more: AWS Backup takes no fewer`)
      .max(MAX_DAYS, `must be at most ${MAX_DAYS}`)
      .optional()
      .meta({
        description:
          "Required with `compliance`, and only there: days in which the lock can still be changed. They begin with the deployment.",
      }),
  })
  .meta({
    title: "A lock on the vault",
    description: "AWS Backup Vault Lock: nobody deletes a copy, or shortens how long it is kept.",
    whenOmitted: "none",
  });

const fields = z.strictObject({
  daily: z.boolean().default(true).meta({
    description:
      "Copy the file system once a day. `false` leaves the copies that `pnpm ops backup` and `upgrade` make.",
  }),
  startHour: z
    .int()
    .min(0, "must be an hour from 0 to 23, in UTC")
    .max(23, "must be an hour from 0 to 23, in UTC")
    .default(3)
    .meta({
      description:
        "Hour in UTC in which the daily copy begins. What the server writes while it is made may be torn: choose a quiet one.",
    }),
  keepDays: days.default(35).meta({ description: "Days after which a copy is deleted." }),
  vaultName: z
    .string()
    .regex(/^[A-Za-z0-9_-]{2,50}$/, "must be the name of a backup vault: 2 to 50 letters, digits, - and _")
    .optional()
    .meta({
      description:
        "An existing backup vault of the account and region. Its key, its policy and its lock are yours.",
      whenOmitted: "a vault of the stage",
    }),
  lock: lock.optional(),
});

/**
 * The schema for these settings of backups: some checks must tell a setting that was left out from one that
 * has its default value.
 */
export function backupSchema(written: unknown) {
  return fields
    .superRefine((value, context) => {
      const { daily, keepDays, vaultName, lock } = value;
      const refuse = (path: readonly string[], message: string) =>
        context.addIssue({ code: "custom", path: [...path], message });
      if (!daily && asFields(written).startHour !== undefined)
        refuse(["startHour"], "has no effect with daily: false: leave out one of the two");
      if (lock === undefined) return;
      if (vaultName !== undefined)
        refuse(
          ["lock"],
          "can't be set for an existing vault (vaultName): lock that one yourself, and leave this out",
        );
      const { mode, minDays = keepDays, maxDays, changeableForDays } = lock;
      if (mode === "compliance" && changeableForDays === undefined)
        refuse(
          ["lock", "changeableForDays"],
          'is missing: with mode "compliance" nobody can take the lock off after these days. Write how many',
        );
      if (mode === "governance" && changeableForDays !== undefined)
        refuse(
          ["lock", "changeableForDays"],
          'would make the lock one that nobody can take off: leave it out, or write mode: "compliance"',
        );
      if (minDays > keepDays)
        refuse(
          ["keepDays"],
          `is ${keepDays}, and the lock (lock.minDays) refuses copies that are kept for less than ${minDays} days`,
        );
      if (maxDays !== undefined && maxDays < keepDays)
        refuse(
          ["keepDays"],
          `is ${keepDays}, and the lock (lock.maxDays) refuses copies that are kept for more than ${maxDays} days`,
        );
      if (maxDays !== undefined && maxDays < minDays)
        refuse(["lock", "maxDays"], `is less than lock.minDays, which is ${minDays}`);
    })
    .meta({ title: "Backups", description: "Copies of the server's file system by AWS Backup." });
}
