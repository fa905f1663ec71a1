import { z } from "zod";

/** `10.0.0.0/8`: four numbers and a prefix length, no bits beyond it. */
export const cidr = z
  .string()
  .refine(isCidr, 'must be an IPv4 block such as "10.0.0.0/8", with no bits set behind the prefix');

function isCidr(text: string): boolean {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return false;
  const [a, b, c, d, prefix] = match.slice(1).map(Number) as [number, number, number, number, number];
  if ([a, b, c, d].some((octet) => octet > 255) || prefix > 32) return false;
  const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const host = prefix === 32 ? 0 : 0xffffffff >>> prefix;
  return (address & host) === 0;
}

/** Prefix length of a block that {@link cidr} accepted. */
export function prefixLength(block: string): number {
  return Number(block.slice(block.indexOf("/") + 1));
}

const SECRET = /^(arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:)?[\w/+=.@-]{1,512}$/;

/** Name or ARN of a secret; a database URL or a token in its place is refused, and not repeated in the message. */
export const secretName = z.string().refine((text) => SECRET.test(text) && !text.startsWith("dbw_"), {
  error: ({ input }) => `must be the name or ARN of a secret in Secrets Manager${mistakenFor(String(input))}`,
});

function mistakenFor(text: string): string {
  if (text.includes("://")) return ", not the URL itself";
  if (text.startsWith("dbw_")) return ", not the token itself";
  return ": letters, digits and /_+=.@-";
}

/** Environment variables that are filled from secrets. */
export const secretVariables = z.record(
  z.string().regex(/^[A-Z_][A-Z0-9_]*$/, "must be a variable's name such as WEBHOOK_SECRET"),
  secretName,
);

/** A pinned tag or a digest. `latest` passes here and gets a warning later. */
export const imageTag = z
  .string()
  .regex(
    /^([\w][\w.-]{0,127}|sha256:[0-9a-f]{64})$/,
    'must be a tag such as "0.2.0" or a digest "sha256:…" of 64 hex digits',
  );

export const imageRepository = z
  .string()
  .regex(
    /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+$/,
    'must be a repository with its host and without a tag, such as "ghcr.io/dbward-dev/dbward-server"',
  );

/** Whether a repository is one in which dbward publishes its images. */
export function isDbwards(repository: unknown): boolean {
  return typeof repository === "string" && repository.startsWith("ghcr.io/dbward-dev/");
}

/** The retention periods of CloudWatch Logs, in days. */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

export const logRetentionDays = z
  .number()
  .refine(
    (days) => LOG_RETENTION_DAYS.includes(days),
    `must be one of the periods of CloudWatch Logs: ${LOG_RETENTION_DAYS.join(", ")}`,
  );

export const ssmParameter = z
  .string()
  .regex(/^\/[\w./-]{1,1010}$/, 'must be the name of an SSM parameter, beginning with "/"');

export const certificateArn = z
  .string()
  .regex(
    /^arn:[\w-]+:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/,
    'must be the ARN of an ACM certificate, "arn:aws:acm:REGION:ACCOUNT:certificate/ID"',
  );

export const rustLog = z.string().min(1, 'must be a log filter such as "info"');

/** Seconds of a stop timeout; Fargate waits 120 at most. */
export const stopTimeout = (minimum: number, reason: string) =>
  z.int().min(minimum, reason).max(120, "must be at most 120: Fargate waits no longer");
