import { stageTags } from "@dbward-aws/contract";
import { z } from "zod";
import * as field from "./fields.ts";
import { always, asFields } from "./unknown-values.ts";

export const iam = z
  .strictObject({
    permissionsBoundary: field.policyArn.optional().meta({
      description:
        "ARN of the managed policy that every role of the stage gets as its permissions boundary. It must allow what docs/security.md lists.",
    }),
    rolePath: z
      .string()
      .max(512, "must have at most 512 characters")
      .regex(/^\/([\w+=,.@-]+\/)*$/, 'must be a path that begins and ends with a slash, such as "/dbward/"')
      .default("/")
      .meta({
        description:
          "Path of all roles of the stage. A change of it replaces the roles, and with them the tasks.",
      }),
  })
  .meta({ title: "Roles", description: "What all roles of the stage have in common." });

/**
 * Tags of a resource that the user may set: AWS takes 50, and CloudFormation and the stage have some of their
 * own.
 */
const MAX_TAGS = 40;
/** The characters that every service takes. */
const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const characters = "may have letters, digits, spaces and _ . : / = + - @ only";

const OWN_TAGS = Object.keys(stageTags("any"));

export const tags = z
  .record(
    z.string().min(1).max(128, "must have at most 128 characters"),
    z.string().max(256, "must have at most 256 characters").regex(TAG, characters),
  )
  .superRefine(
    (value, context) => {
      const keys = Object.keys(asFields(value));
      const refuse = (path: PropertyKey[], message: string) =>
        context.addIssue({ code: "custom", path, message });
      for (const key of keys)
        if (/^aws:/i.test(key)) refuse([key], "can't begin with aws:, which AWS keeps for itself");
        else if (OWN_TAGS.includes(key)) refuse([key], "is a tag that the stage sets itself");
        else if (!TAG.test(key)) refuse([key], characters);
      if (keys.length > MAX_TAGS) refuse([], `must be at most ${MAX_TAGS}: AWS takes 50 for a resource`);
    },
    { when: always },
  )
  .default({})
  .meta({
    description:
      "Tags of every resource that takes tags, tasks included. To see costs by a tag, activate it as a cost allocation tag.",
  });
