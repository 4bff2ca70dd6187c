import { expect, test } from "vitest";
import { ApiError, Unreachable } from "../../src/api/client.ts";
import { refused } from "../../src/settings/refused.ts";

const told = (status: number, message: string) => new ApiError(status, "InvalidInput", message, "", 0);

test("a refusal stands beside the field that it names, and elsewhere below the form", () => {
  expect(refused(told(400, "redirectUris: 'x' is no address"), "name", "redirectUris")).toEqual({ redirectUris: "'x' is no address." });
  expect(refused(told(400, "tags[1]: too long"), "tags")).toEqual({ tags: "Too long." });
  expect(refused(told(400, "name is required"), "name")).toEqual({ name: "Name is required." });
  expect(refused(told(400, "roles: none"), "name")).toEqual({ form: "roles: none." });
  expect(refused(told(400, "names: none"), "name")).toEqual({ form: "names: none." });
  expect(refused(told(409, "name: taken"), "name")).toEqual({ name: "Taken." });
  expect(refused(told(403, "name: not yours"), "name").form).toContain("name: not yours.");
  expect(refused(new Unreachable(), "name").form).toContain("cannot be reached");
});
