import { startHttpServer, type TestRequest } from "../../../core/src/test-support/http-server.ts";

/** What an operation was asked: the fields of a JSON body, or the parameters of a form. */
export type Input = Readonly<Record<string, unknown>>;

/** Answers of the operations that a test has, by the operation's name, or promises of them. */
export type Answers = Readonly<Record<string, (input: Input) => unknown>>;

/** An error as AWS answers it. */
export class AwsFault extends Error {
  readonly code: string;

  constructor(code: string, message = code) {
    super(message);
    this.code = code;
  }
}

/** A server on loopback that speaks the protocols of AWS: JSON, forms with XML answers, and those of EFS, Backup and S3. */
export interface AwsPeer {
  readonly url: string;
  /** Names of the operations called, in order, without the question whose credentials they are, with which every command begins. */
  readonly calls: string[];
  close(): Promise<void>;
}

export async function startAwsPeer(answers: Answers): Promise<AwsPeer> {
  const calls: string[] = [];
  const server = await startHttpServer(async (request, response) => {
    const { operation, input, protocol } = readCall(request);
    if (operation !== "GetCallerIdentity") calls.push(operation);
    const answer = answers[operation];
    const isJson = protocol === "json" || protocol === "rest-json";
    try {
      if (!answer) throw new AwsFault("NotImplemented", `the test has no answer for ${operation}`);
      const output = await answer(input);
      response.setHeader("content-type", isJson ? "application/x-amz-json-1.1" : "text/xml");
      if (request.method === "HEAD")
        for (const [name, value] of Object.entries(output as object)) response.setHeader(name, value);
      const xmlText = () =>
        protocol === "s3" ? `<Answer>${xml(output, "member")}</Answer>` : answerXml(operation, output);
      // The document itself is the answer of S3 to some questions.
      if (typeof output === "string") response.end(output);
      else response.end(isJson ? JSON.stringify(output) : xmlText());
    } catch (error) {
      const { code, message } = error as AwsFault;
      response.statusCode = STATUS[code] ?? 400;
      if (protocol === "rest-json") response.setHeader("x-amzn-errortype", code);
      const faultText = () =>
        protocol === "s3"
          ? `<Error>${xml({ Code: code, Message: message }, "member")}</Error>`
          : faultXml(operation, code, message);
      response.end(isJson ? JSON.stringify({ __type: code, message }) : faultText());
    }
  });
  return { url: server.url, calls, close: server.close };
}

/** Statuses that clients look at; all other faults are 400. */
const STATUS: Readonly<Record<string, number>> = { NotFound: 404, Forbidden: 403, PermanentRedirect: 301 };

/** Operations of the protocols that name theirs by method and path. A group is the name of an input. */
const ROUTES: readonly (readonly [route: RegExp, operation: string, protocol: "rest-json" | "s3"])[] = [
  [/^GET \/2015-02-01\/file-systems$/, "DescribeFileSystems", "rest-json"],
  [
    /^GET \/2015-02-01\/file-systems\/(?<FileSystemId>[^/]+)\/policy$/,
    "DescribeFileSystemPolicy",
    "rest-json",
  ],
  [
    /^GET \/2015-02-01\/file-systems\/(?<FileSystemId>[^/]+)\/backup-policy$/,
    "DescribeBackupPolicy",
    "rest-json",
  ],
  [/^GET \/2015-02-01\/mount-targets$/, "DescribeMountTargets", "rest-json"],
  [
    /^GET \/2015-02-01\/mount-targets\/(?<MountTargetId>[^/]+)\/security-groups$/,
    "DescribeMountTargetSecurityGroups",
    "rest-json",
  ],
  [/^DELETE \/2015-02-01\/mount-targets\/(?<MountTargetId>[^/]+)$/, "DeleteMountTarget", "rest-json"],
  [/^DELETE \/2015-02-01\/file-systems\/(?<FileSystemId>[^/]+)$/, "DeleteFileSystem", "rest-json"],
  [/^GET \/2015-02-01\/access-points$/, "DescribeAccessPoints", "rest-json"],
  [/^PUT \/backup-jobs\/?$/, "StartBackupJob", "rest-json"],
  [/^GET \/backup-jobs\/(?<BackupJobId>[^/]+)$/, "DescribeBackupJob", "rest-json"],
  [/^POST \/2015-02-01\/mount-targets$/, "CreateMountTarget", "rest-json"],
  [/^POST \/2015-02-01\/access-points$/, "CreateAccessPoint", "rest-json"],
  [/^DELETE \/2015-02-01\/access-points\/(?<AccessPointId>[^/]+)$/, "DeleteAccessPoint", "rest-json"],
  [/^PUT \/2015-02-01\/file-systems\/(?<FileSystemId>[^/]+)$/, "UpdateFileSystem", "rest-json"],
  [/^PUT \/2015-02-01\/file-systems\/(?<FileSystemId>[^/]+)\/policy$/, "PutFileSystemPolicy", "rest-json"],
  [/^POST \/2015-02-01\/resource-tags\/(?<ResourceId>[^/]+)$/, "TagResource", "rest-json"],
  [/^PUT \/restore-jobs\/?$/, "StartRestoreJob", "rest-json"],
  [/^GET \/restore-jobs\/(?<RestoreJobId>[^/]+)$/, "DescribeRestoreJob", "rest-json"],
  [/^GET \/backup-vaults\/(?<BackupVaultName>.+)\/access-policy$/, "GetBackupVaultAccessPolicy", "rest-json"],
  [
    /^GET \/backup-vaults\/(?<BackupVaultName>.+)\/recovery-points\/(?<RecoveryPointArn>arn:[^/]+)\/restore-metadata$/,
    "GetRecoveryPointRestoreMetadata",
    "rest-json",
  ],
  [/^GET \/backup-vaults\/?$/, "ListBackupVaults", "rest-json"],
  [/^DELETE \/backup-vaults\/(?<BackupVaultName>[^/]+)$/, "DeleteBackupVault", "rest-json"],
  [/^GET \/account-settings\/?$/, "DescribeRegionSettings", "rest-json"],
  [/^GET \/backup-jobs\/?$/, "ListBackupJobs", "rest-json"],
  [
    /^GET \/backup-vaults\/(?<BackupVaultName>.+)\/recovery-points\/(?<RecoveryPointArn>arn:[^/]+)$/,
    "DescribeRecoveryPoint",
    "rest-json",
  ],
  [/^GET \/resources\/(?<ResourceArn>.+)\/recovery-points\/?$/, "ListRecoveryPointsByResource", "rest-json"],
  [/^GET \/(?<Bucket>[^/]+)\/?\?versions/, "ListObjectVersions", "s3"],
  [/^POST \/(?<Bucket>[^/]+)\/?\?delete/, "DeleteObjects", "s3"],
  [/^DELETE \/(?<Bucket>[^/]+)\/?$/, "DeleteBucket", "s3"],
  [/^HEAD \/(?<Bucket>[^/]+)\/?$/, "HeadBucket", "s3"],
  [/^GET \/(?<Bucket>[^/]+)\/?\?lifecycle/, "GetBucketLifecycleConfiguration", "s3"],
  [/^GET \/(?<Bucket>[^/]+)\/?\?publicAccessBlock/, "GetPublicAccessBlock", "s3"],
  [/^GET \/(?<Bucket>[^/]+)\/?\?policy/, "GetBucketPolicy", "s3"],
  [/^GET \/(?<Bucket>[^/]+)\/?\?encryption/, "GetBucketEncryption", "s3"],
];

interface Call {
  readonly operation: string;
  readonly input: Input;
  readonly protocol: "json" | "query" | "rest-json" | "s3";
}

function readCall(request: TestRequest): Call {
  const { text: body } = request;
  const target = request.headers["x-amz-target"];
  if (typeof target === "string")
    return {
      operation: target.split(".")[1]!,
      input: JSON.parse(body || "{}") as Input,
      protocol: "json",
    };
  const { pathname, search, searchParams } = new URL(request.url ?? "/", "http://peer");
  for (const [route, operation, protocol] of ROUTES) {
    const path = decodeURIComponent(
      `${request.method} ${pathname}${protocol === "s3" ? search.replace(/[?&]x-id=.*$/, "") : ""}`,
    );
    const match = route.exec(path);
    if (match)
      return {
        operation,
        input: {
          ...(protocol === "rest-json" && body ? JSON.parse(body) : {}),
          ...Object.fromEntries(searchParams),
          ...match.groups,
        },
        protocol,
      };
  }
  const input: Input = Object.fromEntries(new URLSearchParams(body));
  return { operation: String(input.Action), input, protocol: "query" };
}

/** EC2 names the elements of its lists `item`, the others `member`; both read what they know and pass over the rest. */
function isEc2(operation: string): boolean {
  return /Vpc|Subnet|RouteTable|NatGateway|AvailabilityZone|SecurityGroup|DescribeAddresses|NetworkInterface/.test(
    operation,
  );
}

function answerXml(operation: string, output: unknown): string {
  const content = xml(output, isEc2(operation) ? "item" : "member");
  return isEc2(operation)
    ? `<${operation}Response>${content}</${operation}Response>`
    : `<${operation}Response><${operation}Result>${content}</${operation}Result></${operation}Response>`;
}

function faultXml(operation: string, code: string, message: string): string {
  const error = `<Error>${xml({ Code: code, Message: message }, "member")}</Error>`;
  return isEc2(operation)
    ? `<Response><Errors>${error}</Errors></Response>`
    : `<ErrorResponse>${error}</ErrorResponse>`;
}

/** Names of the elements of lists that have names of their own, as the models of the APIs say. */
const ELEMENTS: Readonly<Record<string, string>> = {
  DBInstances: "DBInstance",
  DBClusters: "DBCluster",
  VpcSecurityGroups: "VpcSecurityGroupMembership",
};

function xml(value: unknown, element: string): string {
  if (Array.isArray(value))
    return value.map((each) => `<${element}>${xml(each, element)}</${element}>`).join("");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([name, each]) => `<${name}>${xml(each, ELEMENTS[name] ?? element)}</${name}>`)
      .join("");
  return String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
