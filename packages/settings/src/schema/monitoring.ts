import {
  ALARM_IDS,
  type AlarmId,
  BASE_URL_PATTERN,
  isAlarmId,
  MONITORING_LEVELS,
  POLLER_LIMITS,
} from "@dbward-aws/contract";
import { z } from "zod";
import { suggest } from "../suggest.ts";
import type { DeepReadonly } from "./deep-readonly.ts";
import { refuseRepeated } from "./distinct.ts";
import { topicArn } from "./fields.ts";
import { always, asFields, asList } from "./unknown-values.ts";

const serverUrl = z
  .string()
  .refine((url) => BASE_URL_PATTERN.test(withoutFinalSlash(url)), {
    error:
      'must be the URL of the server, such as "http://10.0.0.5:3000": protocol, host, port and path, without user, password, query and fragment',
  })
  .transform(withoutFinalSlash);

function withoutFinalSlash(url: string): string {
  return url.replace(/\/+$/, "");
}

/** Normalizes host, port and path; a string that is not a URL stays as it is. */
function normalUrl(text: string): string {
  return URL.canParse(text) ? new URL(text).href : text;
}

/** The largest values of signals with a limited range. With a larger threshold an alarm would always ring, or never. */
const MAX_THRESHOLDS: Partial<Record<AlarmId, number>> = {
  "server-unreachable": 1,
  "server-not-ready": 1,
  "token-refused": 1,
  "server-cpu": 100,
  "server-memory": 100,
  "efs-throughput": 100,
};

/** With a threshold that can't be reached an alarm never rings; with one that is always reached it never stops. */
function checkThresholds(value: unknown, context: z.RefinementCtx): void {
  for (const [id, threshold] of Object.entries(asFields(value))) {
    if (!Number.isFinite(threshold) || typeof threshold !== "number" || !isAlarmId(id)) continue;
    const max = MAX_THRESHOLDS[id];
    if (!(threshold > 0 && threshold <= (max ?? threshold)))
      context.addIssue({
        code: "custom",
        path: [id],
        message: max === undefined ? "must be more than 0" : `must be more than 0 and at most ${max}`,
      });
  }
}

const httpsUrl = z.url({ protocol: /^https$/, error: "must be an https:// URL" });

function refuseRepeatedChannels(value: unknown, context: z.RefinementCtx): void {
  refuseRepeated()(
    asList(value).map((channel) => asFields(channel).channelId),
    context,
  );
}

const perAgentMetrics = `must be 0 to ${POLLER_LIMITS.maxPerAgentMetrics}`;

const alarmName = z.string().refine((name): boolean => isAlarmId(name), {
  error: ({ input }) =>
    `is not an alarm${suggest(String(input), ALARM_IDS) || `; the alarms are: ${ALARM_IDS.join(", ")}`}`,
});

export const monitoring = z
  .strictObject({
    level: z
      .enum(MONITORING_LEVELS)
      .default("essential")
      .meta({
        description:
          "Which alarms and metrics there are. `essential`: those that report an outage, work that nobody does, and " +
          "break-glass. `full`: also those that warn before an outage and help to find its cause, for about 10 USD a month more; " +
          "docs/monitoring.md lists both.",
      }),
    publisher: z.enum(["api", "emf"]).default("api").meta({
      description:
        "`api`: PutMetricData; `emf`: embedded metric format in the log, for a VPC without an endpoint for CloudWatch.",
    }),
    perAgentMetrics: z
      .int()
      .min(0, perAgentMetrics)
      .max(POLLER_LIMITS.maxPerAgentMetrics, perAgentMetrics)
      .default(0)
      .meta({
        description: "Maximum number of agents with their own metrics, about 1 USD a month each; 0 to 50.",
      }),
    serverUrl: serverUrl.optional().meta({
      description: "Where the poller reaches the server.",
      whenOmitted: "the server's name in the stage's private DNS zone",
    }),
    topicArn: topicArn.optional().meta({
      description:
        "ARN of an existing SNS topic, in the account and region of the stage, that gets the messages in place of one that the " +
        "deployment creates. Its policy must admit CloudWatch alarms and EventBridge; preflight prints the statements that are missing.",
      whenOmitted: "a topic of the stage, `dbward-STAGE-alarms`",
    }),
    emails: z
      .array(z.email("must be an e-mail address"))
      .superRefine(
        refuseRepeated((address) => address.toLowerCase()),
        { when: always },
      )
      .default([])
      .meta({ description: "E-mail addresses that receive alarms. Not with `topicArn`." }),
    httpsEndpoints: z
      .array(
        httpsUrl.refine(
          (url) => !/^https:\/\/[^/?#]*@/.test(url),
          "must not contain a user or password: it is visible in the template",
        ),
      )
      .superRefine(refuseRepeated(normalUrl), { when: always })
      .default([])
      .meta({ description: "HTTPS endpoints that receive alarms. Not with `topicArn`." }),
    slack: z
      .array(
        z
          .strictObject({
            workspaceId: z
              .string()
              .regex(/^T[0-9A-Z]{4,30}$/, 'must be the id of a workspace, such as "T0123ABCD"')
              .meta({ description: "Id of the workspace: the part with `T` in its address in a browser." }),
            channelId: z
              .string()
              .regex(/^[CG][0-9A-Z]{4,30}$/, 'must be the id of a channel, such as "C0123ABCD", not its name')
              .meta({ description: "Id of the channel: the part with `C` in the link to it." }),
          })
          .meta({ title: "A channel in Slack" }),
      )
      .superRefine(refuseRepeatedChannels, { when: always })
      .default([])
      .meta({
        description:
          "Slack channels that receive alarms. Authorize the workspace once in the console of Amazon Q Developer in chat applications.",
      }),
    teams: z
      .array(
        z
          .strictObject({
            tenantId: z
              .uuid("must be a UUID")
              .meta({ description: "`tenantId` in the link to the channel." }),
            teamId: z.uuid("must be a UUID").meta({ description: "`groupId` in the link to the channel." }),
            channelId: z
              .string()
              .regex(
                /^[\w=+/.,-]+%3[aA][\w=+/.,-]+%40[\w=+/.,-]+$/,
                "must be the id of a channel as it is in the link to it: 19%3a…%40thread.tacv2",
              )
              .meta({ description: "The part `19%3a…%40thread.tacv2` of the link to the channel." }),
          })
          .meta({ title: "A channel in Microsoft Teams" }),
      )
      .superRefine(refuseRepeatedChannels, { when: always })
      .default([])
      .meta({
        description:
          "Microsoft Teams channels that receive alarms. Authorize the team once in the console of Amazon Q Developer in chat applications.",
      }),
    thresholds: z
      .record(alarmName, z.number("must be a number"))
      .superRefine(checkThresholds, { when: always })
      .default({})
      .meta({
        description: "Thresholds by alarm name; all other alarms keep the defaults in docs/monitoring.md.",
      }),
    runbooksUrl: httpsUrl
      .max(120, "must have at most 120 characters")
      .transform(withoutFinalSlash)
      .optional()
      .meta({
        description:
          "Where the pages of docs/runbooks are published, such as " +
          "`https://github.com/acme/dbward-aws/blob/main/docs/runbooks`: messages and the dashboard link to them.",
        whenOmitted: "messages name the file",
      }),
  })
  .meta({ title: "Metrics and alarms", description: "Metrics, alarms and their receivers." });

export type MonitoringSettings = DeepReadonly<z.output<typeof monitoring>>;
