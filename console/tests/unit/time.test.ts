import { expect, test } from "vitest";
import { duration, localTime, parseTime, relativeTime, utcTime } from "../../src/text/time.ts";

const at = (text: string) => new Date(text);

test("what is no time is none", () => {
  expect(parseTime(null)).toBeNull();
  expect(parseTime("")).toBeNull();
  expect(parseTime("soon")).toBeNull();
  expect(parseTime("2026-03-01T14:05:09.123456Z")?.getTime()).toBe(Date.UTC(2026, 2, 1, 14, 5, 9, 123));
});

test("local and UTC are written alike, UTC with its Z", () => {
  expect(utcTime(at("2026-03-01T04:05:09Z"))).toBe("2026-03-01 04:05:09Z");
  expect(localTime(new Date(2026, 0, 2, 3, 4, 5))).toBe("2026-01-02 03:04:05");
});

test("how long ago, and how soon", () => {
  const now = at("2026-03-01T12:00:00Z");
  expect(relativeTime(at("2026-03-01T11:59:57Z"), now)).toBe("just now");
  expect(relativeTime(at("2026-03-01T11:59:18Z"), now)).toBe("42 s ago");
  expect(relativeTime(at("2026-03-01T09:00:00Z"), now)).toBe("3 h ago");
  expect(relativeTime(at("2026-02-20T12:00:00Z"), now)).toBe("9 d ago");
  expect(relativeTime(at("2026-03-01T12:05:00Z"), now)).toBe("in 5 min");
});

test("durations", () => {
  expect(duration(-5)).toBe("0.00 s");
  expect(duration(420)).toBe("0.42 s");
  expect(duration(12_340)).toBe("12.3 s");
  expect(duration(185_000)).toBe("3 min 05 s");
  expect(duration(7_380_000)).toBe("2 h 03 min");
});
