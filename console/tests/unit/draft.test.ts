import { expect, test } from "vitest";
import { check, commandLine, COMPOSED, type Draft, fromCommands, hasErrors, inOrder, isBlank, mayMove, newCommand, newDraft, placeError, toBody } from "../../src/run/draft.ts";

function draft(...parts: Partial<Draft["commands"][number]>[]): Draft {
  return { ...newDraft(), commands: parts.map((part, index) => ({ ...newCommand(), id: `c${index}`, ...part })) };
}

test("each field says what is wrong with it", () => {
  const errors = check(draft({ type: "RunScript", name: " " }, { type: "RunScript", name: "a.sh", args: "'open" }, { type: "GetFile", path: "etc/passwd" }));
  expect(errors.commands.c0?.main).toContain("Choose a script");
  expect(errors.commands.c1?.args).toContain("not closed");
  expect(errors.commands.c2?.main).toContain("begin with /");
  expect(hasErrors(errors)).toBe(true);
  expect(hasErrors(check(draft({ type: "GetFile", path: "/etc/hosts" })))).toBe(false);
});

test("commands keep the order that the API takes", () => {
  const commands = inOrder(draft({ type: "GetFile" }, { type: "RunScript" }, { type: "PutFile" }, { type: "RunScript" }).commands);
  expect(commands.map((one) => one.type)).toEqual(["PutFile", "RunScript", "RunScript", "GetFile"]);
  expect(mayMove(commands, 1, 1)).toBe(true);
  expect(mayMove(commands, 0, 1)).toBe(false);
  expect(mayMove(commands, 3, 1)).toBe(false);
});

test("the body is the API's; arguments are sent as they were typed", () => {
  expect(toBody({ ...draft({ type: "RunScript", name: " a.sh ", args: "--x  'y z'" }, { type: "GetFile", path: "/a b" }), comment: " why " })).toEqual({
    Commands: [
      { type: "RunScript", params: [{ key: "ScriptName", value: "a.sh" }, { key: "Args", value: "--x  'y z'" }] },
      { type: "GetFile", params: [{ key: "Path", value: "/a b" }] },
    ],
    Comment: "why",
  });
});

test("what ran once is the same draft again", () => {
  const body = toBody(draft({ type: "PutFile", name: "tool" }, { type: "RunScript", name: "a.sh", args: "x" }, { type: "GetFile", path: "/p" }));
  expect(toBody(fromCommands(body.Commands, "")).Commands).toEqual(body.Commands);
  expect(isBlank(newDraft())).toBe(true);
  expect(isBlank(fromCommands(body.Commands, ""))).toBe(false);
});

test("the server's words stand beside the field that they name", () => {
  const of = draft({ name: "a.sh" }, { name: "b.sh" });
  expect(placeError("Commands[1]: 'b.sh' is not in the library", of)).toEqual({ commands: { c1: { main: "'b.sh' is not in the library." } } });
  expect(placeError("Commands[0]: Args: the arguments end in a backslash", of).commands.c0?.args).toContain("backslash");
  expect(placeError("Commands[0].params[1]: Args is longer than 65536 bytes", of).commands.c0?.args).toContain("65536");
  expect(placeError("Comment is longer than 4000 characters", of).comment).toContain("4000");
  expect(placeError("something else", of).form).toBe("Something else.");
  expect(placeError("Commands[7]: x", of).form).toContain("Commands[7]");
});

test("what is typed in a session only is no part of a live response, and a terminal's line has no key in it", () => {
  expect(COMPOSED).toEqual(["RunScript", "PutFile", "GetFile"]);
  expect(commandLine({ type: "Terminal", params: [{ key: "Args", value: "terminal key=MCowBQYDK2Vw rows=24 columns=80" }, { key: "Path", value: "/" }] })).toBe("terminal");
  expect(commandLine({ type: "Collect", params: [{ key: "Args", value: "collect" }] })).toBe("collect");
});
