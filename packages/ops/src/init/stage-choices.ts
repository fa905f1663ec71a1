import type { Egress } from "@dbward-aws/settings";
import type { DatabaseOffer, Driver } from "./account-offers.ts";
import type { DbwardDatabase } from "./configs.ts";

/** What the command line says of the stage. Lists are separated by commas. */
export interface StageOptions {
  readonly database?: string | undefined;
  readonly databaseHost?: string | undefined;
  readonly databasePort?: number | undefined;
  readonly driver?: Driver | undefined;
  readonly vpc?: string | undefined;
  readonly newVpc?: boolean | undefined;
  readonly egress?: Egress | undefined;
  readonly subnets?: string | undefined;
  readonly publicSubnets?: string | undefined;
  readonly securityGroup?: string | undefined;
  readonly databaseCidrs?: string | undefined;
  readonly secret?: string | undefined;
  readonly agent?: string | undefined;
  readonly dbwardDatabase?: string | undefined;
  readonly environment?: string | undefined;
  readonly loadBalancer?: "none" | "internal" | "internet-facing" | undefined;
  readonly certificate?: string | undefined;
  readonly emails?: string | undefined;
}

/** The address of a database, as far as it is known. */
export interface DatabaseChoice {
  readonly driver: Driver;
  readonly port: number;
  readonly host?: string | undefined;
  /** What RDS says of it. */
  readonly offer?: DatabaseOffer | undefined;
}

/** Where an agent finds the database; with neither, in the blocks of the VPC. */
export interface DatabasePlace {
  readonly securityGroupId?: string | undefined;
  readonly cidrs?: readonly string[] | undefined;
}

/** A network as the settings have it. */
export type NetworkChoice =
  | {
      readonly vpcId: string;
      readonly subnets: readonly string[];
      readonly publicSubnets?: readonly string[] | undefined;
    }
  | { readonly egress: Egress };

/** Everything that a stage is made of. */
export interface StageChoices {
  readonly network: NetworkChoice;
  readonly database: DatabaseChoice;
  readonly place: DatabasePlace;
  readonly secret: string;
  readonly agent: string;
  readonly dbward: DbwardDatabase;
  readonly loadBalancer?:
    | { readonly scheme: "internal" | "internet-facing"; readonly certificateArn?: string | undefined }
    | undefined;
  readonly emails: readonly string[];
}
