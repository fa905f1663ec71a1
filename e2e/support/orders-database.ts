import { EC2Client } from "@aws-sdk/client-ec2";
import { CreateDBInstanceCommand, CreateDBSubnetGroupCommand, RDSClient } from "@aws-sdk/client-rds";
import type { LocalStage } from "@dbward-aws/local-cloud";
import { createPlatform, type Platform } from "./platform.ts";

/** Creates the VPC of a company, and the database `orders-db` in it. */
export async function createOrdersDatabase(stage: LocalStage): Promise<Platform> {
  const ec2 = new EC2Client(stage.clientConfig());
  const rds = new RDSClient(stage.clientConfig());
  try {
    const platform = await createPlatform(ec2);
    await rds.send(
      new CreateDBSubnetGroupCommand({
        DBSubnetGroupName: "orders",
        DBSubnetGroupDescription: "The database's",
        SubnetIds: [...platform.subnets],
      }),
    );
    await rds.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: "orders-db",
        DBInstanceClass: "db.t4g.micro",
        Engine: "postgres",
        DBName: "orders",
        AllocatedStorage: 20,
        MasterUsername: "postgres",
        MasterUserPassword: "not-the-agents",
        DBSubnetGroupName: "orders",
        VpcSecurityGroupIds: [platform.group],
      }),
    );
    return platform;
  } finally {
    for (const client of [ec2, rds]) client.destroy();
  }
}
