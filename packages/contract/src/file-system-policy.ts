const MOUNT = "elasticfilesystem:ClientMount";
const WRITE = "elasticfilesystem:ClientWrite";
const ROOT = "elasticfilesystem:ClientRootAccess";

/** Actions of NFS clients on a file system. */
export const NFS_ACTIONS = { mount: MOUNT, write: WRITE, root: ROOT } as const;

function deny(sid: string, actions: readonly string[], condition?: object) {
  return {
    Sid: sid,
    Effect: "Deny",
    Principal: { AWS: "*" },
    Action: actions,
    ...(condition === undefined ? {} : { Condition: condition }),
  };
}

/**
 * Policy of the server's file system. It only denies; the roles' own policies allow, and as there is a policy, a client
 * without a role gets nothing. It can't name the access point, which is created after it: the policy demands that some
 * access point is used, and the roles' policies say which one.
 *
 * It doesn't name the roles either. For NFS clients EFS enforces only `aws:SecureTransport`, `aws:SourceIp`,
 * `elasticfilesystem:AccessPointArn` and `elasticfilesystem:AccessedViaMountTarget`
 * (https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html). A denial "unless aws:PrincipalArn is the
 * server's" would find that key missing, and deny the server too.
 */
export const FILE_SYSTEM_POLICY = {
  Version: "2012-10-17",
  Statement: [
    deny("TlsOnly", [MOUNT, WRITE], { Bool: { "aws:SecureTransport": "false" } }),
    deny("AccessPointOnly", [MOUNT, WRITE], { Null: { "elasticfilesystem:AccessPointArn": "true" } }),
    deny("NobodyIsRoot", [ROOT]),
  ],
} as const;
