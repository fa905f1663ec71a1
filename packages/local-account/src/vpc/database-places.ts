/**
 * Where a database stands in the network, as far as the account of who deploys knows it: in a security group,
 * or at an address of an IPv4 block.
 */
export type DatabasePlace = { readonly port: number } & (
  | { readonly securityGroupId: string }
  | { readonly cidr: string }
);

/** Tag of a database URL's secret in the emulated account, with its {@link DatabasePlace}s as JSON. */
export const DATABASE_PLACES_TAG = "dbward-local:database";
