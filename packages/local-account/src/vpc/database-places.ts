import { z } from "zod";
import { jsonText } from "../json-text.ts";

/**
 * Where a database stands in the network, as far as the account of who deploys knows it: in a security group,
 * or at an address of an IPv4 block.
 */
export type DatabasePlace = z.output<typeof databasePlace>;

const databasePlace = z.union([
  z.object({ port: z.number(), securityGroupId: z.string() }),
  z.object({ port: z.number(), cidr: z.string() }),
]);

/** Value of {@link DATABASE_PLACES_TAG}. */
export const databasePlaces = jsonText(z.array(databasePlace));

/** Tag of a database URL's secret in the emulated account, with its {@link DatabasePlace}s as JSON. */
export const DATABASE_PLACES_TAG = "dbward-local:database";
