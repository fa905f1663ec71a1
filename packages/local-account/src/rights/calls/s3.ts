import { type Account, type Call, keyNeed, type Need, type NeedsOf } from "./call.ts";

/** What a parameter without a value makes of a call on a bucket or on an object, for reading. */
const BUCKET_READS: Readonly<Record<string, string>> = {
  location: "GetBucketLocation",
  versioning: "GetBucketVersioning",
  encryption: "GetEncryptionConfiguration",
  policy: "GetBucketPolicy",
  acl: "GetBucketAcl",
  tagging: "GetBucketTagging",
  publicAccessBlock: "GetBucketPublicAccessBlock",
  lifecycle: "GetLifecycleConfiguration",
  uploads: "ListBucketMultipartUploads",
  versions: "ListBucketVersions",
};
const OBJECT_READS: Readonly<Record<string, string>> = {
  tagging: "GetObjectTagging",
  acl: "GetObjectAcl",
  attributes: "GetObjectAttributes",
  uploadId: "ListMultipartUploadParts",
};
const OBJECT_WRITES: Readonly<Record<string, string>> = { tagging: "PutObjectTagging", acl: "PutObjectAcl" };
const OBJECT_DELETIONS: Readonly<Record<string, string>> = {
  tagging: "DeleteObjectTagging",
  uploadId: "AbortMultipartUpload",
};

/**
 * Calls of S3 by path, `/bucket/key`, as clients of an IP address make them.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
export const s3Needs: NeedsOf = async (call, account) => {
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(call.path) ?? [];
  if (bucket === "")
    return call.method === "GET" ? [{ action: "s3:ListAllMyBuckets", resource: "*" }] : undefined;
  return key === "" ? bucketNeeds(call, bucket) : objectNeeds(call, bucket, key, account);
};

function bucketNeeds({ method, query, body }: Call, bucket: string): Need[] | undefined {
  const resource = bucketArn(bucket);
  if (method === "POST" && query.has("delete"))
    return keysToDelete(body).map((key) => ({ action: "s3:DeleteObject", resource: `${resource}/${key}` }));
  if (method !== "GET" && method !== "HEAD") return undefined;
  const read = named(query, BUCKET_READS);
  if (read !== undefined && !read.startsWith("List")) return [{ action: `s3:${read}`, resource }];
  const context = Object.fromEntries(
    (["prefix", "delimiter", "max-keys"] as const).flatMap((name) => {
      const value = query.get(name);
      return value === null ? [] : [[`s3:${name}`, value]];
    }),
  );
  return [{ action: `s3:${read ?? "ListBucket"}`, resource, context }];
}

async function objectNeeds(
  call: Call,
  bucket: string,
  key: string,
  account: Account,
): Promise<Need[] | undefined> {
  const { method, query, headers } = call;
  const resource = `${bucketArn(bucket)}/${key}`;
  const version = query.has("versionId") ? "Version" : "";
  const need = (operation: string): Need => ({ action: `s3:${operation}`, resource });
  switch (method) {
    case "GET":
    case "HEAD": {
      const read = named(query, OBJECT_READS);
      if (read !== undefined) return [need(read)];
      return [need(`GetObject${version}`), ...(await keyNeeds(call, account, bucket, ["kms:Decrypt"]))];
    }
    case "DELETE":
      return [need(named(query, OBJECT_DELETIONS) ?? `DeleteObject${version}`)];
    case "PUT":
    case "POST": {
      const write = named(query, OBJECT_WRITES);
      if (write !== undefined) return [need(write)];
      const isInParts = query.has("uploads") || query.has("uploadId");
      if (method === "POST" && !isInParts) return undefined;
      return [
        need("PutObject"),
        ...(headers["x-amz-tagging"] ? [need("PutObjectTagging")] : []),
        ...copyNeeds(headers["x-amz-copy-source"]?.toString()),
        ...(await keyNeeds(call, account, bucket, [
          "kms:GenerateDataKey",
          ...(isInParts ? (["kms:Decrypt"] as const) : []),
        ])),
      ];
    }
    default:
      return undefined;
  }
}

function copyNeeds(source: string | undefined): Need[] {
  if (source === undefined) return [];
  const path = decodeURIComponent(source.replace(/^\//, "").split("?")[0]!);
  return [{ action: "s3:GetObject", resource: bucketArn(path) }];
}

async function keyNeeds(
  { place }: Call,
  account: Account,
  bucket: string,
  actions: readonly ("kms:Decrypt" | "kms:GenerateDataKey")[],
): Promise<Need[]> {
  const key = await account.bucketKey(bucket);
  if (key === undefined) return [];
  return actions.map((action) => keyNeed(place, action, key, "s3", ["aws:s3:arn", bucketArn(bucket)]));
}

function named(query: URLSearchParams, names: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(names).find(([name]) => query.has(name))?.[1];
}

function keysToDelete(body: Buffer): string[] {
  return [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) =>
    key.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name]!),
  );
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function bucketArn(bucket: string): string {
  return `arn:aws:s3:::${bucket}`;
}
