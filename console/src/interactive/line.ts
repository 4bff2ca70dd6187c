// A line as it is typed: which command it names, how it is completed, what was typed before. Only
// the server reads lines; this looks at their beginning. Pure.
import type { CommandTable, InteractiveCommand, InteractiveParameter } from "../api/types";

export function findCommand(table: CommandTable, word: string): InteractiveCommand | undefined {
  const wanted = word.toLowerCase();
  return table.commands.find((one) => one.name === wanted || one.aliases?.includes(wanted));
}

// Whether the line will run something on the machine. An unknown command runs nothing: the server refuses it.
export function concernsMachine(table: CommandTable, line: string): boolean {
  const by = findCommand(table, /^\s*["']?([\w-]*)/u.exec(line)?.[1] ?? "")?.by;
  return by === "agent" || by === "action";
}

// Whether it opens a terminal here. With words of its own it is a line as every other.
export function opensTerminal(line: string): boolean {
  return line.trim().toLowerCase() === "terminal";
}

export interface Completion {
  line: string; // as far as it is certain
  choices: string[]; // when there are several
}

// Completes the word at the line's end: a command's name, or a parameter's. Null: nothing to complete.
export function complete(table: CommandTable, line: string): Completion | null {
  const found = /^(\s*)(?:(\S+)\s+(?:.*\s)?)?(\S+)$/su.exec(line);
  const word = found?.[3];
  if (!found || word === undefined) return null;
  const command = found[2] === undefined ? undefined : findCommand(table, found[2]);
  const names = found[2] === undefined || command?.name === "help" ? commandNames(table) : parameterNames(command);
  const choices = names.filter((name) => name.startsWith(word.toLowerCase()));
  if (choices.length === 0) return null;
  const before = line.slice(0, line.length - word.length);
  const [only] = choices;
  if (choices.length === 1) return { line: `${before}${only} `, choices: [] };
  const shared = sharedStart(choices);
  return { line: before + (shared.length > word.length ? shared : word), choices };
}

function commandNames(table: CommandTable): string[] {
  return table.commands.flatMap((one) => [one.name, ...(one.aliases ?? [])]).sort();
}
function parameterNames(command: InteractiveCommand | undefined): string[] {
  if (!command) return [];
  const output = command.columns.length > 0 ? ["-output"] : [];
  return [...typedOf(command).map((one) => `-${one.name}`), ...output].sort();
}
function sharedStart(words: readonly string[]): string {
  const [first = "", ...others] = words;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length -= 1;
  return first.slice(0, length);
}

// How a command is written: "findfile NAME [-path PATH]".
export function usage(command: InteractiveCommand): string {
  return [command.name, ...typedOf(command).map(parameterUsage)].join(" ");
}
// What people type. The page adds a terminal's parameters itself.
function typedOf(command: InteractiveCommand): readonly InteractiveParameter[] {
  return opensTerminal(command.name) ? [] : command.parameters;
}
function parameterUsage(one: InteractiveParameter): string {
  const value = one.name.toUpperCase();
  const written = one.kind === "switch" ? `-${one.name}` : one.positional ? value : `-${one.name} ${value}`;
  return one.optional || one.kind === "switch" ? `[${written}]` : written;
}

// Lines typed before, for the arrow keys; kept in memory only. What is being typed is not lost on the way.
export class History {
  private readonly lines: string[] = [];
  private at = 0; // lines.length: the line that is being typed
  private typed = "";

  add(line: string): void {
    if (this.lines.at(-1) !== line) this.lines.push(line);
    if (this.lines.length > 1000) this.lines.shift();
    this.at = this.lines.length;
    this.typed = "";
  }
  // Null: there is none further.
  move(by: -1 | 1, current: string): string | null {
    const to = this.at + by;
    if (to < 0 || to > this.lines.length) return null;
    if (this.at === this.lines.length) this.typed = current;
    this.at = to;
    return to === this.lines.length ? this.typed : (this.lines[to] ?? null);
  }
}
