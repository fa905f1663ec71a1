import { describe, expect, it } from "vitest";
import { describeHours, isWithinHours, scheduleAt, shareOfWeek, type WorkingHours } from "./working-hours.ts";

const HOURS: WorkingHours = {
  timeZone: "Europe/Berlin",
  start: "08:00",
  stop: "19:00",
  days: ["MON", "TUE", "WED", "THU", "FRI"],
};

describe("isWithinHours", () => {
  it.each([
    // 2026-03-27 is the Friday before the clocks go forward, 2026-03-30 the Monday after.
    ["2026-03-27T06:59:59Z", false],
    ["2026-03-27T07:00:00Z", true],
    ["2026-03-27T17:59:59Z", true],
    ["2026-03-27T18:00:00Z", false],
    ["2026-03-28T12:00:00Z", false],
    ["2026-03-30T05:59:59Z", false],
    ["2026-03-30T06:00:00Z", true],
  ])("%s: %s", (at, expected) => {
    expect(isWithinHours(HOURS, new Date(at))).toBe(expected);
  });

  it("takes the day of the time zone, not that of UTC", () => {
    const hours: WorkingHours = { ...HOURS, timeZone: "Pacific/Auckland", days: ["MON"] };
    expect(isWithinHours(hours, new Date("2026-06-14T22:00:00Z"))).toBe(true);
    expect(isWithinHours(hours, new Date("2026-06-15T22:00:00Z"))).toBe(false);
  });
});

describe("scheduleAt", () => {
  it("is at the time of the hours, on their days", () => {
    expect(scheduleAt("08:00", 0, HOURS.days)).toBe("cron(0 8 ? * MON,TUE,WED,THU,FRI *)");
    expect(scheduleAt("08:55", 8, ["SUN", "MON"])).toBe("cron(3 9 ? * MON,SUN *)");
  });

  it("is on the next day, after midnight", () => {
    expect(scheduleAt("23:58", 6, ["FRI", "SUN"])).toBe("cron(4 0 ? * MON,SAT *)");
    expect(scheduleAt("23:58", 6)).toBe("cron(4 0 ? * * *)");
  });
});

it("describes hours in few words", () => {
  expect(describeHours(HOURS)).toBe("MON to FRI 08:00-19:00 Europe/Berlin");
  expect(describeHours({ ...HOURS, days: ["WED", "MON"] })).toBe("MON, WED 08:00-19:00 Europe/Berlin");
});

it("knows the share of a week", () => {
  expect(shareOfWeek(HOURS)).toBeCloseTo(55 / 168);
});
