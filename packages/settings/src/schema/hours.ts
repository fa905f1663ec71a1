import { isTimeZone, MIN_HOURS_MINUTES, minutesOfDay, WEEKDAYS } from "@dbward-aws/contract";
import { z } from "zod";
import type { DeepReadonly } from "./deep-readonly.ts";
import { refuseRepeated } from "./distinct.ts";
import { always, asFields } from "./unknown-values.ts";

const timeOfDay = z
  .string()
  .refine((time) => minutesOfDay(time) !== undefined, { error: 'must be a time of day such as "08:00"' });

const timeZone = z.string().refine(isTimeZone, {
  error: 'must be the name of a time zone such as "Europe/Berlin" or "UTC"',
});

export const workingHours = z
  .strictObject({
    timeZone: timeZone
      .default("UTC")
      .meta({ description: "Time zone of the hours, by its IANA name, such as `Europe/Berlin`." }),
    start: timeOfDay.default("08:00").meta({
      description:
        "When the server starts, `HH:MM`; agents follow after 3 minutes, poller and alarms within 10.",
    }),
    stop: timeOfDay.default("19:00").meta({
      description:
        "When the stage stops, `HH:MM`, on every day: the poller and the messages of alarms at once, agents after 2 minutes, the server after 6. " +
        "A statement that then runs for longer than the agent's `drain_timeout_secs` is cut off.",
    }),
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1, "must name at least one day")
      .superRefine(refuseRepeated(), { when: always })
      .default(["MON", "TUE", "WED", "THU", "FRI"])
      .meta({ description: "Days on which the stage starts." }),
  })
  .superRefine(checkLength, { when: always })
  .meta({
    title: "Working hours",
    description:
      "Hours in which the stage runs; outside of them it has no tasks, and costs little more than what it stores. `false`: always, with a preset, too.",
    whenOmitted: "the stage always runs",
  });

/** Bounds of a day's hours: every step of stopping and starting must have room. */
function checkLength(value: unknown, context: z.RefinementCtx): void {
  const { start = "08:00", stop = "19:00" } = asFields(value);
  if (typeof start !== "string" || typeof stop !== "string") return;
  const [from, to] = [minutesOfDay(start), minutesOfDay(stop)];
  if (from === undefined || to === undefined) return;
  const length = to - from;
  const refuse = (message: string) => context.addIssue({ code: "custom", path: ["stop"], message });
  if (length < MIN_HOURS_MINUTES)
    refuse(
      `is ${stop}, which must be at least ${MIN_HOURS_MINUTES} minutes after start (${start}) on the same day. For hours across midnight ` +
        "name a time zone in which they are on one day",
    );
  else if (24 * 60 - length < MIN_HOURS_MINUTES)
    refuse(`is ${stop}, less than ${MIN_HOURS_MINUTES} minutes before the next start (${start})`);
}

/** The schema for these hours: a union would report that no member matches instead of the actual mistake. */
export function hoursSchema(hours: unknown): z.ZodType<HoursSettings | undefined, HoursInput | undefined> {
  return hours === false ? z.literal(false).transform(() => undefined) : workingHours.optional();
}

/** `false`: the stage always runs, also with a preset that has hours. */
export type HoursInput = z.input<typeof workingHours> | false;
export type HoursSettings = DeepReadonly<z.output<typeof workingHours>>;
