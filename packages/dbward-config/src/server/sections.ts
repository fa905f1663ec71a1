import { optional, required, table } from "../schema/table.ts";
import { boolean, list, type Type, text, u32, u64 } from "../schema/types.ts";
import { logFormat } from "./log-format.ts";

/** Sections without a rule that looks at more than one field. */
export const retention = table({
  request_ttl_days: u64,
  audit_ttl_days: u64,
  result_ttl_days: u64,
  approval_ttl_secs: notZero(u64, "retention-approval"),
});

export const audit = table({ redaction: text });

export const logging = table({ level: text, format: logFormat });

export const resultChannel = table({ max_slots: u64, slot_ttl_secs: u64 });

export const slack = table({
  bot_token: required(text.secret),
  signing_secret: required(text.secret),
  channel: text,
  onboarding: table({
    enabled: boolean,
    assignable_roles: list(text),
    assignable_groups: list(text),
    restricted_roles: list(text),
    request_ttl_hours: u64,
  }),
});

export const mcp = table({
  enabled: boolean,
  allowed_origins: list(
    text.where({
      rule: "mcp-origin",
      expected: 'an origin; "*" stops the server at its start',
      accepts: (value) => value !== "*",
    }),
  ),
  default_environment: text,
  session_ttl_secs: u64,
  max_sessions: u64,
  elicitation_timeout_secs: u64,
  replay_buffer_size: u64,
});

export const preflight = table({
  max_concurrent_per_user: optional(u32),
  max_explain_timeout_ms: optional(u64),
  rate_limit_per_minute: optional(u32),
});

function notZero(type: Type, rule: string): Type {
  return {
    read(node, path, report) {
      const read = type.read(node, path, report);
      if (read.kind === "integer" && read.value === 0n) {
        report.add(node, path, rule, `${report.render(path)} must be at least 1.`);
      }
      return read;
    },
  };
}
