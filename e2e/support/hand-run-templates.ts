/** Three CloudFormation templates of the shape in which people run dbward on ECS by hand. */

const ref = (name: string) => ({ Ref: name });
/** `Fn::Sub`, whose `{Name}` stands for a dollar sign and the name in braces. */
const sub = (text: string) => ({ "Fn::Sub": text.replaceAll("{", "$" + "{") });
const attribute = (resource: string, name: string) => ({ "Fn::GetAtt": [resource, name] });
/** A rule of a security group. @param peer its other side, such as `CidrIp` */
const rule = (port: unknown, peer: object, protocol = "tcp") => ({
  IpProtocol: protocol,
  FromPort: port,
  ToPort: port,
  ...peer,
});
const ANYWHERE = { CidrIp: "0.0.0.0/0" };
const HTTPS_AND_DNS = [rule(443, ANYWHERE), rule(53, ANYWHERE), rule(53, ANYWHERE, "udp")];
const role = (policies: Record<string, object[]>) => ({
  Type: "AWS::IAM::Role",
  Properties: {
    AssumeRolePolicyDocument: {
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" },
      ],
    },
    Policies: Object.entries(policies).map(([PolicyName, Statement]) => ({
      PolicyName,
      PolicyDocument: { Version: "2012-10-17", Statement },
    })),
  },
});
const allow = (Action: string[], Resource: unknown, Condition?: object) => ({
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const logsOf = (group: string) => sub(`{${group}.Arn}:*`);
const awslogs = (group: string, prefix: string) => ({
  LogDriver: "awslogs",
  Options: {
    "awslogs-group": ref(group),
    "awslogs-region": ref("AWS::Region"),
    "awslogs-stream-prefix": prefix,
  },
});
const shell = (script: string, values: object) => ({
  EntryPoint: ["/bin/sh", "-c"],
  Command: [{ "Fn::Sub": [script, values] }],
});

const FARGATE_TASK = {
  NetworkMode: "awsvpc",
  RequiresCompatibilities: ["FARGATE"],
  ExecutionRoleArn: attribute("ExecutionRole", "Arn"),
  TaskRoleArn: attribute("TaskRole", "Arn"),
};

const NETWORK_PARAMETERS = {
  VpcId: { Type: "AWS::EC2::VPC::Id" },
  SubnetIds: { Type: "List<AWS::EC2::Subnet::Id>" },
};

/** The bucket of the results. */
export const STORAGE_TEMPLATE = {
  Resources: {
    ResultBucket: {
      Type: "AWS::S3::Bucket",
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
      Properties: {
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    },
    ResultBucketPolicy: {
      Type: "AWS::S3::BucketPolicy",
      Properties: {
        Bucket: ref("ResultBucket"),
        PolicyDocument: {
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Deny",
              Principal: "*",
              Action: "s3:*",
              Resource: [attribute("ResultBucket", "Arn"), sub("{ResultBucket.Arn}/*")],
              Condition: { Bool: { "aws:SecureTransport": "false" } },
            },
          ],
        },
      },
    },
  },
  Outputs: { BucketName: { Value: ref("ResultBucket") } },
};

const SERVER_SCRIPT = `cat > /tmp/server.toml << 'END'
\${Config}
END
cat >> /tmp/server.toml << 'END'
[result_storage]
backend = "s3"
bucket = "\${ResultBucketName}"
region = "\${AWS::Region}"
END
exec dbward-server --listen 0.0.0.0:3000 --config /tmp/server.toml`;

/** Cluster, file system and server. */
export const SERVER_TEMPLATE = {
  Parameters: {
    ...NETWORK_PARAMETERS,
    AllowedIngressCidr: { Type: "String", Default: "10.0.0.0/8" },
    ImageRepository: { Type: "String", Default: "ghcr.io/dbward-dev/dbward-server" },
    ImageTag: { Type: "String", Default: "latest" },
    ServerConfigToml: { Type: "String" },
    ResultStorageBackend: { Type: "String", Default: "s3" },
    ResultBucketName: { Type: "String" },
  },
  Resources: {
    Namespace: {
      Type: "AWS::ServiceDiscovery::HttpNamespace",
      Properties: { Name: ref("AWS::StackName") },
    },
    Cluster: {
      Type: "AWS::ECS::Cluster",
      Properties: {
        ClusterName: ref("AWS::StackName"),
        ServiceConnectDefaults: { Namespace: attribute("Namespace", "Arn") },
      },
    },
    DataFileSystem: {
      Type: "AWS::EFS::FileSystem",
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
      Properties: { Encrypted: true, PerformanceMode: "generalPurpose", ThroughputMode: "elastic" },
    },
    DataAccessPoint: {
      Type: "AWS::EFS::AccessPoint",
      Properties: {
        FileSystemId: ref("DataFileSystem"),
        PosixUser: { Uid: "10001", Gid: "10001" },
        RootDirectory: {
          Path: "/dbward",
          CreationInfo: { OwnerUid: "10001", OwnerGid: "10001", Permissions: "0750" },
        },
      },
    },
    ServerGroup: {
      Type: "AWS::EC2::SecurityGroup",
      Properties: {
        GroupDescription: "server",
        VpcId: ref("VpcId"),
        SecurityGroupIngress: [rule(3000, { CidrIp: ref("AllowedIngressCidr") })],
        SecurityGroupEgress: [rule(2049, ANYWHERE), ...HTTPS_AND_DNS],
      },
    },
    MountGroup: {
      Type: "AWS::EC2::SecurityGroup",
      Properties: {
        GroupDescription: "mount targets",
        VpcId: ref("VpcId"),
        SecurityGroupIngress: [rule(2049, { SourceSecurityGroupId: ref("ServerGroup") })],
      },
    },
    MountTarget: {
      Type: "AWS::EFS::MountTarget",
      Properties: {
        FileSystemId: ref("DataFileSystem"),
        SubnetId: { "Fn::Select": [0, ref("SubnetIds")] },
        SecurityGroups: [ref("MountGroup")],
      },
    },
    Logs: {
      Type: "AWS::Logs::LogGroup",
      Properties: { LogGroupName: sub("/ecs/{AWS::StackName}/server"), RetentionInDays: 14 },
    },
    ExecutionRole: role({ logs: [allow(["logs:CreateLogStream", "logs:PutLogEvents"], logsOf("Logs"))] }),
    TaskRole: role({
      exec: [
        allow(
          [
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
          ],
          "*",
        ),
      ],
      state: [
        allow(
          ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
          attribute("DataFileSystem", "Arn"),
          { StringEquals: { "elasticfilesystem:AccessPointArn": attribute("DataAccessPoint", "Arn") } },
        ),
      ],
      results: [
        allow(
          ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:PutObjectTagging"],
          sub("arn:aws:s3:::{ResultBucketName}/results/*"),
        ),
        allow(["s3:ListBucket"], sub("arn:aws:s3:::{ResultBucketName}")),
      ],
    }),
    Task: {
      Type: "AWS::ECS::TaskDefinition",
      DependsOn: ["MountTarget"],
      Properties: {
        Family: sub("{AWS::StackName}-server"),
        ...FARGATE_TASK,
        Cpu: "512",
        Memory: "1024",
        Volumes: [
          {
            Name: "data",
            EFSVolumeConfiguration: {
              FilesystemId: ref("DataFileSystem"),
              TransitEncryption: "ENABLED",
              AuthorizationConfig: { AccessPointId: ref("DataAccessPoint"), IAM: "ENABLED" },
            },
          },
        ],
        ContainerDefinitions: [
          {
            Name: "server",
            Image: sub("{ImageRepository}:{ImageTag}"),
            Essential: true,
            ...shell(SERVER_SCRIPT, { Config: ref("ServerConfigToml") }),
            // The emulated account resolves this name, as it keeps no client aliases.
            PortMappings: [{ ContainerPort: 3000, Name: "server", AppProtocol: "http" }],
            MountPoints: [{ SourceVolume: "data", ContainerPath: "/data" }],
            Environment: [{ Name: "RUST_LOG", Value: "info" }],
            HealthCheck: {
              Command: ["CMD-SHELL", "curl -sf http://localhost:3000/health || exit 1"],
              Interval: 10,
              Timeout: 5,
              Retries: 3,
              StartPeriod: 15,
            },
            LogConfiguration: awslogs("Logs", "server"),
            LinuxParameters: { InitProcessEnabled: true },
          },
        ],
      },
    },
    Service: {
      Type: "AWS::ECS::Service",
      Properties: {
        Cluster: ref("Cluster"),
        ServiceName: "server",
        TaskDefinition: ref("Task"),
        DesiredCount: 1,
        LaunchType: "FARGATE",
        EnableExecuteCommand: true,
        DeploymentConfiguration: { MinimumHealthyPercent: 0, MaximumPercent: 100 },
        NetworkConfiguration: {
          AwsvpcConfiguration: {
            Subnets: [{ "Fn::Select": [0, ref("SubnetIds")] }],
            SecurityGroups: [ref("ServerGroup")],
            AssignPublicIp: "ENABLED",
          },
        },
        ServiceConnectConfiguration: {
          Enabled: true,
          Services: [{ PortName: "server", ClientAliases: [{ Port: 3000, DnsName: "server" }] }],
        },
      },
    },
  },
  Outputs: {
    ClusterName: { Value: ref("Cluster") },
    ServerSecurityGroupId: { Value: ref("ServerGroup") },
    FileSystemId: { Value: ref("DataFileSystem") },
  },
};

const AGENT_SCRIPT = `cat > /tmp/agent.toml << 'END'
\${Config}
END
exec dbward-agent --config /tmp/agent.toml`;

/** An agent. */
export const AGENT_TEMPLATE = {
  Parameters: {
    ...NETWORK_PARAMETERS,
    ClusterName: { Type: "String" },
    ServerSecurityGroupId: { Type: "AWS::EC2::SecurityGroup::Id" },
    ImageRepository: { Type: "String", Default: "ghcr.io/dbward-dev/dbward-agent" },
    ImageTag: { Type: "String", Default: "latest" },
    AgentDesiredCount: { Type: "Number", Default: 1 },
    AgentTokenSecretArn: { Type: "String" },
    DatabaseUrlSecretArn: { Type: "String" },
    AgentConfigToml: { Type: "String" },
    DatabasePort: { Type: "Number", Default: 5432 },
  },
  Resources: {
    Group: {
      Type: "AWS::EC2::SecurityGroup",
      Properties: {
        GroupDescription: "agent",
        VpcId: ref("VpcId"),
        SecurityGroupEgress: [
          rule(3000, { DestinationSecurityGroupId: ref("ServerSecurityGroupId") }),
          rule(ref("DatabasePort"), ANYWHERE),
          ...HTTPS_AND_DNS,
        ],
      },
    },
    ServerIngress: {
      Type: "AWS::EC2::SecurityGroupIngress",
      Properties: {
        GroupId: ref("ServerSecurityGroupId"),
        ...rule(3000, { SourceSecurityGroupId: ref("Group") }),
      },
    },
    Logs: {
      Type: "AWS::Logs::LogGroup",
      Properties: { LogGroupName: sub("/ecs/{ClusterName}/agent"), RetentionInDays: 14 },
    },
    ExecutionRole: role({
      start: [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], logsOf("Logs")),
        allow(["secretsmanager:GetSecretValue"], [ref("AgentTokenSecretArn"), ref("DatabaseUrlSecretArn")]),
      ],
    }),
    TaskRole: role({}),
    Task: {
      Type: "AWS::ECS::TaskDefinition",
      Properties: {
        Family: sub("{ClusterName}-agent"),
        ...FARGATE_TASK,
        Cpu: "256",
        Memory: "512",
        ContainerDefinitions: [
          {
            Name: "agent",
            Image: sub("{ImageRepository}:{ImageTag}"),
            Essential: true,
            ...shell(AGENT_SCRIPT, { Config: ref("AgentConfigToml") }),
            Secrets: [
              { Name: "DBWARD_AGENT_TOKEN", ValueFrom: ref("AgentTokenSecretArn") },
              { Name: "DATABASE_URL", ValueFrom: ref("DatabaseUrlSecretArn") },
            ],
            Environment: [{ Name: "RUST_LOG", Value: "info" }],
            HealthCheck: {
              Command: ["CMD-SHELL", "test -f /tmp/dbward-agent-ready"],
              Interval: 10,
              Timeout: 5,
              Retries: 3,
              StartPeriod: 60,
            },
            StopTimeout: 90,
            LogConfiguration: awslogs("Logs", "agent"),
            LinuxParameters: { InitProcessEnabled: true },
          },
        ],
      },
    },
    Service: {
      Type: "AWS::ECS::Service",
      Properties: {
        Cluster: ref("ClusterName"),
        ServiceName: "agent",
        TaskDefinition: ref("Task"),
        DesiredCount: ref("AgentDesiredCount"),
        LaunchType: "FARGATE",
        EnableExecuteCommand: true,
        NetworkConfiguration: {
          AwsvpcConfiguration: {
            Subnets: ref("SubnetIds"),
            SecurityGroups: [ref("Group")],
            AssignPublicIp: "ENABLED",
          },
        },
        ServiceConnectConfiguration: { Enabled: true },
      },
    },
  },
};
