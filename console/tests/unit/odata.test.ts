import { expect, test } from "vitest";
import { actionFilter, and, listQuery, literal, machineFilter, oneOf } from "../../src/api/odata.ts";

test("quotes are doubled: nothing that is typed leaves its literal", () => {
  expect(literal("O'Brien' or 1 eq 1")).toBe("'O''Brien'' or 1 eq 1'");
});

test("nothing asked for is no filter", () => {
  expect(machineFilter({ words: "  ", tag: "", health: "" })).toBe("");
  expect(actionFilter({ statuses: [], machine: " ", who: "", since: "", until: "", words: "" })).toBe("");
});

test("every word has to be found; an id is compared whole", () => {
  const filter = machineFilter({ words: "web 10.0", tag: "tier:web", health: "Active" });
  expect(filter).toContain("contains(computerDnsName,'web')");
  expect(filter).toContain("startswith(lastIpAddress,'10.0')");
  expect(filter).toContain(" and (machineTags/any(t: t eq 'tier:web')) and (healthStatus eq 'Active')");
  expect(machineFilter({ words: "A".repeat(40), tag: "", health: "" })).toBe(`id eq '${"a".repeat(40)}'`);
});

test("actions by status, machine, who, time and comment", () => {
  expect(actionFilter({ statuses: ["Failed", "TimeOut"], machine: "web", who: "ann", since: "2026-01-01T00:00:00.000Z", until: "", words: "" })).toBe(
    "(status in ('Failed','TimeOut')) and (startswith(computerDnsName,'web')) and (contains(requestor,'ann')) and (creationDateTimeUtc ge 2026-01-01T00:00:00.000Z)",
  );
  expect(oneOf("status", ["Failed"])).toBe("status eq 'Failed'");
  expect(and("a", "", null, "b")).toBe("(a) and (b)");
});

test("a query holds what was asked for, encoded", () => {
  expect(listQuery({})).toBe("");
  expect(listQuery({ filter: "a eq '&'", top: 50, skip: 0, count: true })).toBe("?%24filter=a+eq+%27%26%27&%24top=50&%24count=true");
});
