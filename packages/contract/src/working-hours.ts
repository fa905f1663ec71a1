/** The days of a week, as schedules in AWS name them. */
export const WEEKDAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** The hours in which a stage runs. */
export interface WorkingHours {
  /** Time zone by its IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string;
  /** `HH:MM`: when the server starts. */
  readonly start: string;
  /** `HH:MM`, later than `start`: when the stage begins to stop. */
  readonly stop: string;
  /** Days on which the stage starts; at least one. */
  readonly days: readonly Weekday[];
}

/**
 * Minutes after `stop` and `start` at which each step is taken. EventBridge Scheduler acts within 60 seconds of a time, so that steps
 * which must not change places are at least two minutes apart.
 */
export const HOURS_STEPS = {
  stop: {
    /** The poller ends, and alarms send no messages any more. */
    watch: 0,
    /** Agents stop, after the last poll: it might have changed their number. */
    agents: 2,
    /** The server stops, after agents have had their 120 seconds at most, and have reported what they did. */
    server: 6,
    /** Alarms that keep their state while nothing is measured become `OK`: the next day begins without them. */
    settle: 30,
  },
  start: {
    server: 0,
    /** Agents start, when the server has had time to start. */
    agents: 3,
    /** Alarms send messages again; what they look at is not measured yet. */
    alarms: 8,
    /** The poller starts. From here on a part of the stage that is not up is reported. */
    poller: 10,
  },
} as const;

/** Least minutes from `start` to `stop`, and from `stop` to the next `start`: all steps must have room. */
export const MIN_HOURS_MINUTES = 60;

const MINUTES_A_DAY = 24 * 60;
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;

/** Minutes since midnight of `HH:MM`. @returns undefined for any other text */
export function minutesOfDay(time: string): number | undefined {
  const [, hours, minutes] = TIME.exec(time) ?? [];
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
}

/**
 * Whether it is the name of a time zone that EventBridge Scheduler takes: of the IANA database, not an offset such as `+01:00`, which
 * `Intl` takes as well.
 */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** `MON, TUE 08:00-19:00 Europe/Berlin`. */
export function describeHours({ timeZone, start, stop, days }: WorkingHours): string {
  const inOrder = WEEKDAYS.filter((day) => days.includes(day));
  const first = WEEKDAYS.indexOf(inOrder[0]!);
  const isRow = inOrder.length > 2 && inOrder.every((day, at) => WEEKDAYS[first + at] === day);
  const named = isRow ? `${inOrder[0]} to ${inOrder.at(-1)}` : inOrder.join(", ");
  return `${named} ${start}-${stop} ${timeZone}`;
}

/** Whether a stage with these hours should run. */
export function isWithinHours({ timeZone, start, stop, days }: WorkingHours, at: Date): boolean {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? "";
  const time = `${part("hour")}:${part("minute")}`;
  return days.includes(part("weekday").toUpperCase() as Weekday) && start <= time && time < stop;
}

/** Share of a week in which a stage with these hours runs, 0 to 1. */
export function shareOfWeek({ start, stop, days }: Pick<WorkingHours, "start" | "stop" | "days">): number {
  return ((minutesOfDay(stop)! - minutesOfDay(start)!) * days.length) / (7 * MINUTES_A_DAY);
}

/**
 * An expression for EventBridge Scheduler, in the time zone of the hours.
 *
 * @param time `HH:MM`
 * @param delay minutes after it. @default 0
 * @param days on which `time` is. @default - every day
 */
export function scheduleAt(time: string, delay = 0, days: readonly Weekday[] = WEEKDAYS): string {
  const minutes = minutesOfDay(time)! + delay;
  const shift = Math.floor(minutes / MINUTES_A_DAY);
  const on = WEEKDAYS.filter((_, at) => days.includes(WEEKDAYS[(at - shift + 7) % 7]!));
  const dayOfWeek = on.length === 7 ? "*" : on.join(",");
  return `cron(${minutes % 60} ${Math.floor(minutes / 60) % 24} ? * ${dayOfWeek} *)`;
}
