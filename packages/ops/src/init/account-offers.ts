import { paginateListCertificates } from "@aws-sdk/client-acm";
import {
  paginateDescribeRouteTables,
  paginateDescribeSecurityGroups,
  paginateDescribeSubnets,
  paginateDescribeVpcs,
  type Tag,
} from "@aws-sdk/client-ec2";
import {
  type DBCluster,
  type DBInstance,
  paginateDescribeDBClusters,
  paginateDescribeDBInstances,
  type RDSClient,
} from "@aws-sdk/client-rds";
import { paginateListSecrets } from "@aws-sdk/client-secrets-manager";
import type { Egress } from "@dbward-aws/settings";
import {
  type AwsClients,
  defaultRoute,
  during,
  egressOf,
  everyItem,
  isDenied,
  routeTableOf,
} from "@dbward-aws/stage";
import { accountClients } from "../preflight/account-clients.ts";

/** What an account has of one kind; or the IAM action that the identity lacks to see it. */
export type Listed<T> = { readonly items: readonly T[] } | { readonly denied: string };

/** Database servers that an agent can use. */
export type Driver = "postgres" | "mysql";

/** An RDS instance outside of a cluster, or a cluster. */
export interface DatabaseOffer {
  readonly id: string;
  readonly kind: "instance" | "cluster";
  readonly driver: Driver;
  /** As RDS calls it, such as `aurora-postgresql`. */
  readonly engine: string;
  /** Address of the writer; `undefined` while the database is being created. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly vpcId: string | undefined;
  /** Active security groups. */
  readonly securityGroups: readonly string[];
  readonly masterUser: string | undefined;
  /** The database that was created with it. */
  readonly database: string | undefined;
}

/** A VPC, with its tag `Name`. */
export interface VpcOffer {
  readonly id: string;
  readonly name: string | undefined;
  readonly cidr: string | undefined;
}

/** A subnet, with where its default route leads. */
export interface SubnetOffer {
  readonly id: string;
  readonly name: string | undefined;
  readonly zone: string;
  readonly egress: Egress;
  /** What its default route led to is gone. */
  readonly isCutOff: boolean;
}

/** A security group. */
export interface GroupOffer {
  readonly id: string;
  readonly name: string | undefined;
}

/** An issued certificate in ACM. */
export interface CertificateOffer {
  readonly arn: string;
  readonly domain: string;
}

/** Asks one account in one region for what a stage is made of. */
export interface AccountOffers {
  databases(): Promise<Listed<DatabaseOffer>>;
  vpcs(): Promise<Listed<VpcOffer>>;
  subnets(vpcId: string): Promise<Listed<SubnetOffer>>;
  securityGroups(vpcId: string): Promise<Listed<GroupOffer>>;
  /** Names of secrets, without those that are scheduled for deletion. */
  secrets(): Promise<Listed<string>>;
  certificates(): Promise<Listed<CertificateOffer>>;
}

/** Offers of the account and region of some clients. Its functions throw {@link AwsCallError}, except for a lack of rights. */
export function accountOffers(clients: AwsClients): AccountOffers {
  const { ec2, secrets } = clients;
  const { acm, rds } = accountClients(clients);
  return {
    databases: () => listed("rds:DescribeDBInstances", "Listing the databases of RDS", listDatabases(rds)),
    vpcs: () =>
      listed(
        "ec2:DescribeVpcs",
        "Listing the VPCs",
        everyItem(paginateDescribeVpcs({ client: ec2 }, {}), ({ Vpcs = [] }) =>
          Vpcs.map(({ VpcId, CidrBlock, Tags }) => ({ id: VpcId!, name: nameIn(Tags), cidr: CidrBlock })),
        ),
      ),
    subnets: (vpcId) =>
      listed("ec2:DescribeSubnets", `Listing the subnets of ${vpcId}`, listSubnets(vpcId, clients)),
    securityGroups: (vpcId) =>
      listed(
        "ec2:DescribeSecurityGroups",
        `Listing the security groups of ${vpcId}`,
        everyItem(paginateDescribeSecurityGroups({ client: ec2 }, inVpc(vpcId)), ({ SecurityGroups = [] }) =>
          SecurityGroups.map(({ GroupId, GroupName }) => ({ id: GroupId!, name: GroupName })),
        ),
      ),
    secrets: () =>
      listed(
        "secretsmanager:ListSecrets",
        "Listing the secrets",
        everyItem(paginateListSecrets({ client: secrets }, {}), ({ SecretList = [] }) =>
          SecretList.flatMap(({ Name, DeletedDate }) => (Name === undefined || DeletedDate ? [] : [Name])),
        ),
      ),
    certificates: () =>
      listed(
        "acm:ListCertificates",
        "Listing the certificates",
        everyItem(
          paginateListCertificates({ client: acm }, { CertificateStatuses: ["ISSUED"] }),
          ({ CertificateSummaryList = [] }) =>
            CertificateSummaryList.map(({ CertificateArn, DomainName = "" }) => ({
              arn: CertificateArn!,
              domain: DomainName,
            })),
        ),
      ),
  };
}

async function listed<T>(action: string, doing: string, call: Promise<readonly T[]>): Promise<Listed<T>> {
  try {
    return { items: await during(doing, call) };
  } catch (error) {
    if (isDenied(error)) return { denied: action };
    throw error;
  }
}

function nameIn(tags: readonly Tag[] | undefined): string | undefined {
  return tags?.find(({ Key }) => Key === "Name")?.Value || undefined;
}

function inVpc(vpcId: string) {
  return { Filters: [{ Name: "vpc-id", Values: [vpcId] }] };
}

async function listSubnets(vpcId: string, { ec2 }: AwsClients): Promise<SubnetOffer[]> {
  const [subnets, tables] = await Promise.all([
    everyItem(paginateDescribeSubnets({ client: ec2 }, inVpc(vpcId)), ({ Subnets }) => Subnets),
    everyItem(paginateDescribeRouteTables({ client: ec2 }, inVpc(vpcId)), ({ RouteTables }) => RouteTables),
  ]);
  return subnets
    .map(({ SubnetId, AvailabilityZone = "", Tags }) => {
      const table = routeTableOf(SubnetId!, tables);
      return {
        id: SubnetId!,
        name: nameIn(Tags),
        zone: AvailabilityZone,
        egress: egressOf(table),
        isCutOff: defaultRoute(table)?.State === "blackhole",
      };
    })
    .sort((a, b) => a.zone.localeCompare(b.zone) || a.id.localeCompare(b.id));
}

async function listDatabases(rds: RDSClient): Promise<DatabaseOffer[]> {
  const [instances, clusters] = await Promise.all([
    everyItem(paginateDescribeDBInstances({ client: rds }, {}), ({ DBInstances }) => DBInstances),
    everyItem(paginateDescribeDBClusters({ client: rds }, {}), ({ DBClusters }) => DBClusters),
  ]);
  return [
    ...instances.filter(({ DBClusterIdentifier }) => !DBClusterIdentifier).flatMap(instanceOffer),
    ...clusters.flatMap((cluster) => clusterOffer(cluster, instances)),
  ];
}

function instanceOffer(instance: DBInstance): DatabaseOffer[] {
  const { DBInstanceIdentifier, Engine, Endpoint, DBSubnetGroup, MasterUsername, DBName } = instance;
  const driver = driverOf(Engine);
  if (DBInstanceIdentifier === undefined || driver === undefined) return [];
  return [
    {
      id: DBInstanceIdentifier,
      kind: "instance",
      driver,
      engine: Engine!,
      host: Endpoint?.Address,
      port: Endpoint?.Port,
      vpcId: DBSubnetGroup?.VpcId,
      securityGroups: activeGroups(instance),
      masterUser: MasterUsername,
      database: DBName,
    },
  ];
}

/** A cluster doesn't say which VPC it is in; its instances do. */
function clusterOffer(cluster: DBCluster, instances: readonly DBInstance[]): DatabaseOffer[] {
  const { DBClusterIdentifier, Engine, Endpoint, Port, MasterUsername, DatabaseName } = cluster;
  const driver = driverOf(Engine);
  if (DBClusterIdentifier === undefined || driver === undefined) return [];
  const members = instances.filter((instance) => instance.DBClusterIdentifier === DBClusterIdentifier);
  return [
    {
      id: DBClusterIdentifier,
      kind: "cluster",
      driver,
      engine: Engine!,
      host: Endpoint,
      port: Port,
      vpcId: members.find(({ DBSubnetGroup }) => DBSubnetGroup?.VpcId)?.DBSubnetGroup?.VpcId,
      securityGroups: activeGroups(cluster),
      masterUser: MasterUsername,
      database: DatabaseName,
    },
  ];
}

function activeGroups({ VpcSecurityGroups = [] }: Pick<DBInstance, "VpcSecurityGroups">): string[] {
  return VpcSecurityGroups.flatMap(({ VpcSecurityGroupId, Status }) =>
    VpcSecurityGroupId === undefined || Status === "removing" ? [] : [VpcSecurityGroupId],
  );
}

/** `undefined` for engines that dbward doesn't know, and for those of Neptune and DocumentDB, which RDS lists as well. */
function driverOf(engine = ""): Driver | undefined {
  if (/^(aurora-)?postgres/.test(engine)) return "postgres";
  return /^(aurora-)?mysql|^mariadb/.test(engine) ? "mysql" : undefined;
}
