import { z } from "zod";
import { availabilityZone, cidr, egress, keyArn, subnetId, vpcId } from "../schema/fields.ts";

const networkFacts = z.strictObject({
  vpcId,
  /** IPv4 blocks of the VPC. */
  cidrs: z.array(cidr).min(1),
  /** The subnets that the settings name, by their ids. */
  subnets: z.record(subnetId, z.strictObject({ vpcId, availabilityZone, egress })),
});

/** Facts of the account that a template needs and the settings do not contain. */
export const accountFacts = z.strictObject({
  network: networkFacts.optional(),
  /** Customer managed keys by the name of the secret, SSM parameter, bucket or topic, as the settings write it. */
  keys: z.record(z.string(), keyArn()).optional(),
});

/** An existing VPC and its subnets. */
export type NetworkFacts = z.output<typeof networkFacts>;

/** Facts of an account. Facts that the settings do not need are left out. */
export interface AccountFacts extends z.output<typeof accountFacts> {
  /** Where they come from, for messages: `dbward.lookup.json`, or `account 123456789012 in eu-central-1`. */
  readonly source: string;
}
