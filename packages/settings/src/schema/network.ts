import { z } from "zod";
import type { DeepReadonly } from "./deep-readonly.ts";
import * as field from "./fields.ts";
import { asFields } from "./unknown-values.ts";

/** A VPC that the deployment creates. */
export const newNetwork = z
  .strictObject({
    cidr: field.cidr
      .refine((block) => field.prefixLength(block) >= 16 && field.prefixLength(block) <= 24, {
        error: "must be between /16 and /24: a VPC can't be larger, and the subnets need the room",
        when: ({ issues }) => issues.length === 0,
      })
      .default("10.60.0.0/16")
      .meta({ description: "IPv4 block, /16 to /24." }),
    availabilityZones: z
      .int()
      .min(2, "must be 2 or 3: a load balancer needs two zones")
      .max(3, "must be 2 or 3")
      .default(2)
      .meta({ description: "Number of Availability Zones, 2 or 3." }),
    egress: field.egress.default("nat").meta({
      description:
        "How tasks reach AWS and the internet: `nat` gateways (one for each zone, about 32 USD a month each), VPC `endpoints` only " +
        "(no internet, images must be in ECR), or `public` addresses, for experiments.",
    }),
  })
  .transform((network) => ({ kind: "new" as const, ...network }))
  .meta({
    title: "A VPC that the deployment creates",
    description: "Where everything runs: the VPC of the databases, or a VPC that the deployment creates.",
    whenOmitted: "a new VPC with NAT gateways",
  });

const subnet = z
  .union([
    field.subnetId,
    z.strictObject({ id: field.subnetId, availabilityZone: field.availabilityZone.optional() }),
  ])
  .transform((value): { id: string; availabilityZone?: string | undefined } =>
    typeof value === "string" ? { id: value } : value,
  );

const subnets = z.array(subnet).superRefine((list, context) => {
  list.forEach(({ id }, index) => {
    if (list.findIndex((other) => other.id === id) < index)
      context.addIssue({ code: "custom", path: [index], message: `names ${id} a second time` });
  });
});

const LOOKED_UP = "looked up in the account, or in dbward.lookup.json";

/** A VPC that exists already. */
export const existingNetwork = z
  .strictObject({
    vpcId: field.vpcId.meta({ description: "Id of the VPC, with DNS support and DNS host names enabled." }),
    subnets: subnets.min(2, "must name at least two subnets, in different Availability Zones").meta({
      description:
        "Ids of the subnets for tasks, mount targets and the poller: two or more, one for each Availability Zone.",
    }),
    publicSubnets: subnets
      .default([])
      .meta({ description: "Ids of public subnets, for an internet-facing load balancer." }),
    cidr: z
      .union([field.cidr, field.cidrs.min(1, "must name at least one block")])
      .optional()
      .meta({ description: "IPv4 block of the VPC, or all of them.", whenOmitted: LOOKED_UP }),
    egress: field.egress.optional().meta({
      description:
        "How tasks in these subnets reach AWS and the internet; `endpoints` also where there is another route that tasks must not need.",
      whenOmitted: LOOKED_UP,
    }),
  })
  .transform((network) => ({ kind: "existing" as const, ...network }))
  .meta({
    title: "A VPC that exists already",
  });

/**
 * The schema that fits the value: only an existing network has an id and subnets. A union would report that no member matches
 * instead of the actual mistake.
 */
export function networkSchema(network: unknown): z.ZodType<z.output<Network>, z.input<Network> | undefined> {
  const { vpcId, subnets } = asFields(network);
  return vpcId === undefined && subnets === undefined ? newNetwork.prefault({}) : existingNetwork;
}

type Network = typeof newNetwork | typeof existingNetwork;
export type NetworkInput = z.input<Network>;

/**
 * How the subnets of the tasks reach AWS and the internet: `nat` gateways, VPC `endpoints` only (no internet), or `public`
 * addresses.
 */
export type Egress = z.output<typeof field.egress>;
/** A VPC that the deployment creates. */
export type NewNetworkSettings = DeepReadonly<z.output<typeof newNetwork>>;
/** A VPC that exists already, by its ids; `existingNetwork` completes it by facts of the account. */
export type ExistingNetworkSettings = DeepReadonly<z.output<typeof existingNetwork>>;
export type NetworkSettings = NewNetworkSettings | ExistingNetworkSettings;
