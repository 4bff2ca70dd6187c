import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CommandTable } from "../../src/api/types.ts";
import { complete, findCommand, History, usage } from "../../src/interactive/line.ts";
import { Lines } from "../../src/text/lines.ts";
import { cellText, columnsOf, RowReader, rowCount } from "../../src/interactive/rows.ts";
import { asText, saveName, whyNotSaved } from "../../src/interactive/saved.ts";

const table = JSON.parse(readFileSync(join(import.meta.dirname, "../../../api/interactive.json"), "utf8")) as CommandTable;

test("rows are read across pieces, wherever they are cut", () => {
  const text = '{"name":"a","size":1}\n{"name":"ä\\n\\u001b"}\n\n{"name":"last"}';
  for (let size = 1; size <= text.length; ++size) {
    const reader = new RowReader();
    for (let at = 0; at < text.length; at += size) reader.feed(text.slice(at, at + size));
    expect(reader.rows).toHaveLength(2);
    reader.end();
    expect(reader.rows).toEqual([{ name: "a", size: 1 }, { name: "ä\n\u001b" }, { name: "last" }]);
    expect(reader.strange).toBe(0);
  }
});

test("lines that are no rows are counted, and take nothing with them", () => {
  const reader = new RowReader();
  reader.feed('not json\n[1]\nnull\n3\n{"a":1}\n{"cut');
  reader.end();
  expect(reader.rows).toEqual([{ a: 1 }]);
  expect(reader.strange).toBe(5);
});

test("a line without an end is not kept for ever", () => {
  const reader = new RowReader();
  for (let i = 0; i < 20; ++i) reader.feed("x".repeat(100_000));
  reader.feed('\n{"a":1}\n');
  expect(reader.rows).toEqual([{ a: 1 }]);
  expect(reader.strange).toBeGreaterThan(0);
});

test("values as a table shows them", () => {
  expect([null, undefined, true, false, 0, "x", ["a", 1], { a: [1] }].map(cellText)).toEqual(["", "", "yes", "no", "0", "x", "a, 1", '{"a":[1]}']);
  expect(columnsOf([], [{ b: 1, a: 2 }])).toEqual(["b", "a"]);
  expect(columnsOf(["name"], [{ b: 1 }])).toEqual(["name"]);
  expect([[], [{}], Array.from({ length: 1234 }, () => ({}))].map(rowCount)).toEqual(["0 rows", "1 row", "1,234 rows"]);
});

test("Tab completes commands and parameters, and does nothing where there is nothing", () => {
  expect(complete(table, "proc")).toEqual({ line: "processes ", choices: [] });
  expect(complete(table, "PERS")).toEqual({ line: "persistence ", choices: [] });
  expect(complete(table, "s")).toEqual({ line: "s", choices: ["scheduled_tasks", "scheduledtasks", "services", "status"] });
  expect(complete(table, "sch")).toEqual({ line: "scheduled", choices: ["scheduled_tasks", "scheduledtasks"] });
  expect(complete(table, "findfile *.conf -p")).toEqual({ line: "findfile *.conf -path ", choices: [] });
  expect(complete(table, "ls -o")).toEqual({ line: "ls -output ", choices: [] });
  expect(complete(table, "help findf")).toEqual({ line: "help findfile ", choices: [] });
  for (const line of ["", "   ", "dir ", "dir /e", "frob", "frob -x", "cd -o"]) expect(complete(table, line), line).toBeNull();
});

test("how commands are written", () => {
  const of = (name: string) => usage(findCommand(table, name)!);
  expect(of("findfile")).toBe("findfile NAME [-path PATH]");
  expect(of("DIR")).toBe("dir [PATH] [-full_path] [-relative_path]");
  expect(of("jobs")).toBe("jobs");
});

test("earlier lines, and back to what was being typed", () => {
  const history = new History();
  for (const line of ["one", "two", "two"]) history.add(line);
  expect(history.move(1, "new")).toBeNull();
  expect([history.move(-1, "new"), history.move(-1, "two"), history.move(-1, "one")]).toEqual(["two", "one", null]);
  expect([history.move(1, "one"), history.move(1, "two"), history.move(1, "new")]).toEqual(["two", "new", null]);
});

test("what is saved has a name that hides nothing, and cells on their own line", () => {
  expect(saveName("/tmp/x/../sockets.json")).toBe("sockets.json");
  expect(saveName("invoice\u202egpj.exe")).toBe("invoice⟦U+202E⟧gpj.exe");
  expect(saveName("..")).toBe("output.txt");
  expect(saveName("a\u0000b\"c")).toBe("a_b_c");
  const rows = [{ name: "a\nb", size: 10, more: [1] }, { name: "long name", size: 2 }];
  expect(asText(rows, ["size", "name"], "table")).toBe("size  name\n10    a⏎b\n2     long name\n");
  expect(JSON.parse(asText(rows, ["size"], "json"))).toEqual(rows);
});

test("what would lack a part is not saved, and says why", () => {
  const reader = (text: string) => {
    const made = new RowReader();
    made.feed(text);
    return made;
  };
  const lines = (count: number) => {
    const made = new Lines({ chars: 1000, lines: 2 });
    for (let at = 0; at < count; ++at) made.append("x\n");
    return made;
  };
  const script = { size: 100, whole: true, stdoutWhole: true, stdout: lines(2) };
  const tooLarge = "This is too large to be made into a.json here.";
  const odd = "Not all of this can be made into a.json here.";
  const rows = reader('{"a":1}\n');
  expect(whyNotSaved("a.json", script, rows)).toBe("");
  expect(whyNotSaved("a.json", { ...script, size: 1, whole: false, stdoutWhole: false }, rows)).toBe("");
  expect(whyNotSaved("a.json", { ...script, size: 65 * 1024 * 1024 }, rows)).toBe(tooLarge);
  expect(whyNotSaved("a.json", { ...script, stdoutWhole: false }, rows)).toBe(odd); // the file is cut off
  expect(whyNotSaved("a.json", script, reader("no row\n"))).toBe(odd);
  const many = reader('{"a":1}\n'.repeat(200_001));
  expect(many.left).toBe(1);
  expect(whyNotSaved("a.json", script, many)).toBe(tooLarge);
  // The rows are all there, whatever the view of the text let go.
  expect(whyNotSaved("a.json", { ...script, stdout: lines(3) }, rows)).toBe("");
  expect(whyNotSaved("a.json", { ...script, stdout: lines(3) })).toBe(tooLarge);
  expect(whyNotSaved("a.json", script)).toBe("");
});
