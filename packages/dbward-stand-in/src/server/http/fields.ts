import { z } from "zod";

/** Members of bodies and parameters of queries, as strict as dbward reads them. */

/** A number that fits 32 bits without a sign. */
export const u32 = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
/** A whole number of 0 or more. */
export const u64 = z.int().min(0);
/** A text that may be null or left out. */
export const optionalText = z.string().nullish();

/** A number in a query. */
export const numberParameter = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
  .optional();
/** `true` or `false` in a query. */
export const booleanParameter = z
  .enum(["true", "false"])
  .transform((text) => text === "true")
  .optional();
/** A text in a query. */
export const textParameter = z.string().optional();

/** A name of a database or an environment, or `*`. */
export const NAME = /^(?:\*|[a-z][a-z0-9_-]{0,62})$/;
