/** A finding of checkov that is accepted. */
export interface AcceptedCheckovFinding {
  /** Check, such as `CKV_AWS_158`. */
  readonly id: string;
  /** Resources by type and logical id, such as `AWS::S3::Bucket.ResultsBucket46167C27`. */
  readonly resources: RegExp;
  /** Why it does not apply: a whole sentence. */
  readonly reason: string;
}

/** Every finding of checkov that the templates may have. */
export const ACCEPTED_CHECKOV_FINDINGS: readonly AcceptedCheckovFinding[] = [
  {
    id: "CKV_AWS_2",
    resources: /^AWS::ElasticLoadBalancingV2::Listener\.ServerLoadBalancerHttp/,
    reason:
      "A load balancer without a certificate is an explicit setting for networks that end TLS elsewhere; with one, this listener only redirects.",
  },
  {
    id: "CKV_AWS_18",
    resources: /^AWS::S3::Bucket\.(AccessLogsBucket|ResultsBucket)/,
    reason:
      "The server, the only reader of the results, logs each access itself; and a log of the access log's bucket would not end.",
  },
  {
    id: "CKV_AWS_21",
    resources: /^AWS::S3::Bucket\.(AccessLogsBucket|ResultsBucket)/,
    reason:
      "Results and access logs are written once and expire; versions would keep what retention promises to delete.",
  },
  {
    id: "CKV_AWS_65",
    resources: /^AWS::ECS::Cluster\./,
    reason: "The poller's metrics and those of ECS say what Container Insights would, and cost less.",
  },
  {
    id: "CKV_AWS_103",
    resources: /^AWS::ElasticLoadBalancingV2::Listener\.ServerLoadBalancerHttp/,
    reason: "This is the listener for plain HTTP, which has no TLS version.",
  },
  {
    id: "CKV_AWS_111",
    resources: /^AWS::IAM::Role\.(PollerRole|TokenCheckRole)/,
    reason:
      "cloudwatch:PutMetricData and the calls for network interfaces know no resource; the first is bound to the namespace by a condition, which the check does not read.",
  },
  {
    id: "CKV_AWS_115",
    resources: /^AWS::Lambda::Function\./,
    reason:
      "Reserved concurrency takes from the account's pool, and a small account has none to give. One invocation a minute and one a deployment can't crowd out others.",
  },
  {
    id: "CKV_AWS_116",
    resources: /^AWS::Lambda::Function\./,
    reason:
      "A failed poll is followed by the next one, and alarms tell; a failed capture is told to CloudFormation. Nobody would read a queue of their events.",
  },
  {
    id: "CKV_AWS_117",
    resources: /^AWS::Lambda::Function\.(TokenCapture|Apply)/,
    reason:
      "They call AWS APIs alone, and the capture reaches the server through ECS Exec: a place in the VPC would only add a way to it.",
  },
  {
    id: "CKV_AWS_149",
    resources: /^AWS::SecretsManager::Secret\./,
    reason:
      "The AWS managed key encrypts them; reading them is granted by IAM alone, so a key of one's own adds a price and no reader less.",
  },
  {
    id: "CKV_AWS_158",
    resources: /^AWS::Logs::LogGroup\./,
    reason: "CloudWatch Logs encrypts at rest with a key of its own; no token or password is logged.",
  },
  {
    id: "CKV_AWS_166",
    resources: /^AWS::Backup::BackupVault/,
    reason: "AWS Backup encrypts a vault under its own key; `encryption.kmsKey` brings another one.",
  },
  {
    id: "CKV_AWS_173",
    resources: /^AWS::Lambda::Function\.(Apply|Poller|TokenCheck)/,
    reason: "The variables hold names and addresses, no secret; Lambda encrypts them at rest.",
  },
  {
    id: "CKV_AWS_260",
    resources: /^AWS::EC2::SecurityGroup\.ServerLoadBalancerSecurityGroup/,
    reason: "Port 80 of an internet-facing load balancer only redirects to HTTPS.",
  },
];
