import type { TextRule } from "./schema/types.ts";

/** dbward's rule for names of databases and environments, without `*`. */
export const PLAIN_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** {@link PLAIN_NAME} in words. */
export const PLAIN_NAME_WORDS = '1 to 63 characters of a-z, 0-9, "_" and "-", beginning with a letter';

/** A name of a database or an environment, or `*`. */
export const NAME: TextRule = {
  rule: "name",
  expected: `"*", or ${PLAIN_NAME_WORDS}`,
  accepts: (value) => value === "*" || PLAIN_NAME.test(value),
};

/** The operations of an agent in dbward 0.2.0. */
export const OPERATIONS = [
  "execute_select",
  "execute_dml",
  "migrate_up",
  "migrate_down",
  "migrate_status",
  "migrate_repair",
] as const;
