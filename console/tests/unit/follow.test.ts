import { expect, test } from "vitest";
import type { Api } from "../../src/api/client.ts";
import type { MachineAction } from "../../src/api/types.ts";
import { Follower } from "../../src/live/follow.ts";

const command = {
  index: 0,
  startTime: null,
  endTime: null,
  commandStatus: "Created",
  errors: [],
  command: { type: "RunScript", params: [{ key: "ScriptName", value: "a.sh" }] },
};
const action = (status: string) => ({ id: "1", status, machineId: "m", commands: [command] }) as unknown as MachineAction;
const event = (id: string, name: string, data: object) => `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const output = (id: string, offset: number, text: string) =>
  event(id, "output", { index: 0, stream: "stdout", offset, length: text.length, text });

// Answers each call for events with the next of `streams`.
function follower(streams: string[], known: ConstructorParameters<typeof Follower>[2] = {}): { follower: Follower; asked: (string | undefined)[] } {
  const asked: (string | undefined)[] = [];
  const statuses = ["InProgress", "Succeeded"];
  const api = {
    get: () => Promise.resolve(action(statuses.shift() ?? "Succeeded")),
    call: (_method: string, _path: string, options: { headers: Record<string, string> }) => {
      asked.push(options.headers["Last-Event-ID"]);
      return Promise.resolve(new Response(streams.shift() ?? ""));
    },
  };
  return { follower: new Follower(api as unknown as Api, "1", known), asked };
}

test("what a live view does not have is told, without a number that nobody knows", async () => {
  const { follower: one } = follower([
    output("0-4-0", 0, "one\n") +
      event("0-4-0", "gap", { index: 0, stream: "stdout", from: 4 }) +
      event("1-0-0", "end", { status: "Succeeded" }),
  ]);
  await one.run();
  expect(one.mode).toBe("done");
  const text = one.streams.get(0)?.stdout.shown() ?? "";
  expect(text).toMatch(/^one\n… what follows: .*result has it/);
  expect(text).not.toContain("NaN");
});

test("a stream that was cut goes on behind what was seen, and nothing is shown twice", async () => {
  const { follower: one, asked } = follower([
    output("0-4-0", 0, "one\n"),
    output("0-4-0", 0, "one\n") + output("0-8-0", 4, "two\n") + event("1-0-0", "end", { status: "Succeeded" }),
  ]);
  await one.run();
  expect(asked).toEqual([undefined, "0-4-0"]);
  expect(one.streams.get(0)?.stdout.shown()).toBe("one\ntwo");
});

test("who wants output as the machine wrote it gets it once, raw, beside what is shown", async () => {
  const heard: string[] = [];
  const { follower: one } = follower(
    [
      output("0-5-0", 0, '{"a":'),
      output("0-5-0", 0, '{"a":') + output("0-14-0", 5, '"\\u202e\u202e"}') + event("1-0-0", "end", { status: "Succeeded" }),
    ],
    { action: action("InProgress"), heardOutput: (name, text) => heard.push(`${name} ${text}`) },
  );
  await one.run();
  expect(heard).toEqual(['stdout {"a":', 'stdout "\\u202e\u202e"}']);
  expect(one.streams.get(0)?.stdout.shown()).toContain("⟦U+202E⟧");
});
