import { expect, test } from "vitest";
import { Drafts } from "../../src/drafts.ts";

function store(full = false) {
  const values = new Map<string, string>();
  return {
    values,
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => {
      if (full) throw new DOMException("full", "QuotaExceededError");
      values.set(key, value);
    },
    removeItem: (key: string) => void values.delete(key),
  };
}

test("what was kept comes back, and is gone once dropped", () => {
  const drafts = new Drafts(store());
  expect(drafts.read("run", { comment: "" })).toEqual({ comment: "" });
  expect(drafts.keep("run", { comment: "INC-1" })).toBe(true);
  expect(drafts.has("run")).toBe(true);
  expect(drafts.read("run", { comment: "", added: 1 })).toEqual({ comment: "INC-1", added: 1 });
  drafts.drop("run");
  expect(drafts.read("run", { comment: "" })).toEqual({ comment: "" });
});

test("a store that is full, or holds something else, breaks nothing", () => {
  expect(new Drafts(store(true)).keep("run", {})).toBe(false);
  const broken = store();
  for (const text of ["{", "[1]", "3", "null"]) {
    broken.values.set("reachback.draft.run", text);
    expect(new Drafts(broken).read("run", { comment: "" })).toEqual({ comment: "" });
  }
});
