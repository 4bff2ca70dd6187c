// A live response that is being put together: what is typed, what is wrong with it, what is sent.
// Pure.
import type { Command, CommandType } from "../api/types";
import { sentence } from "../text/sentence";
import { splitWords } from "../text/words";

export interface DraftCommand {
  id: string; // stays with the command while it moves
  type: CommandType;
  name: string; // of a library file: RunScript, PutFile
  args: string; // RunScript
  path: string; // GetFile
}
export interface Draft {
  commands: DraftCommand[];
  comment: string;
  sent: string; // the body that went out last, and the key that it went with: sent again after a
  key: string; //  broken connection, it is run once
}

// Under which it is kept until it is sent.
export function draftName(machineId: string): string {
  return `run.${machineId}`;
}

export const COMMENT_CHARS_MAX = 4000;
export const COMMANDS_MAX = 100;

// The API takes commands in this order only.
const ORDER: Record<CommandType, number> = { PutFile: 0, RunScript: 1, BuiltIn: 1, Terminal: 1, GetFile: 2, Collect: 2 };

// What a live response is put together of; the others are typed in a session.
export const COMPOSED: readonly CommandType[] = ["RunScript", "PutFile", "GetFile"];

export function newCommand(type: CommandType = "RunScript"): DraftCommand {
  return { id: Math.random().toString(36).slice(2), type, name: "", args: "", path: "" };
}
export function newDraft(): Draft {
  return { commands: [newCommand()], comment: "", sent: "", key: "" };
}

export function isBlank(draft: Draft): boolean {
  const [first, ...others] = draft.commands;
  return others.length === 0 && draft.comment === "" && !first?.name && !first?.args && !first?.path && first?.type === "RunScript";
}

export function inOrder(commands: readonly DraftCommand[]): DraftCommand[] {
  return [...commands].sort((a, b) => ORDER[a.type] - ORDER[b.type]);
}

// Whether the command at `index` may change places with its neighbour.
export function mayMove(commands: readonly DraftCommand[], index: number, by: -1 | 1): boolean {
  return commands[index + by]?.type === commands[index]?.type && commands[index + by] !== undefined;
}
export function moved(commands: readonly DraftCommand[], index: number, by: -1 | 1): DraftCommand[] {
  const out = [...commands];
  const [command] = out.splice(index, 1);
  if (command) out.splice(index + by, 0, command);
  return out;
}

export interface FieldErrors {
  commands: Record<string, { main?: string; args?: string }>; // by the command's id
  comment?: string;
  form?: string; // what belongs to no field
}
export const NO_ERRORS: FieldErrors = { commands: {} };

export function hasErrors(errors: FieldErrors): boolean {
  return Object.keys(errors.commands).length > 0 || Boolean(errors.comment ?? errors.form);
}

export function check(draft: Draft): FieldErrors {
  const errors: FieldErrors = { commands: {} };
  for (const command of draft.commands) {
    const found: { main?: string; args?: string } = {};
    if (command.type === "GetFile") {
      if (command.path === "") found.main = "Say which file to fetch: its whole path on the machine.";
      else if (!command.path.startsWith("/")) found.main = "The path has to begin with /, as in /var/log/auth.log.";
    } else if (command.name.trim() === "") {
      found.main =
        command.type === "RunScript"
          ? "Choose a script of the library, or drop one here."
          : "Choose a file of the library, or drop one here.";
    }
    if (command.type === "RunScript") {
      const words = splitWords(command.args);
      if (!words.ok) found.args = `These arguments cannot be split into words: ${words.error}.`;
    }
    if (found.main || found.args) errors.commands[command.id] = found;
  }
  if (draft.commands.length === 0) errors.form = "Add at least one command.";
  if ([...draft.comment].length > COMMENT_CHARS_MAX) {
    errors.comment = `The comment may have ${COMMENT_CHARS_MAX} characters.`;
  }
  return errors;
}

// What the server said of one field, beside that field: its messages name "Commands[1].params[0]".
export function placeError(message: string, draft: Draft): FieldErrors {
  const found = /^Commands\[(\d+)\](?:\.params\[\d+\])?(?:\.\w+)?:?\s*(.*)$/su.exec(message);
  const command = found ? draft.commands[Number(found[1])] : undefined;
  if (found && command) {
    const words = sentence(found[2] ?? message);
    return { commands: { [command.id]: /\bArgs\b/u.test(message) ? { args: words } : { main: words } } };
  }
  if (/^Comment\b/u.test(message)) return { commands: {}, comment: sentence(message) };
  return { commands: {}, form: sentence(message) };
}

export function toBody(draft: Draft): { Commands: Command[]; Comment?: string } {
  const comment = draft.comment.trim();
  return {
    Commands: draft.commands.map((command) => {
      if (command.type === "GetFile") {
        return { type: command.type, params: [{ key: "Path", value: command.path }] };
      }
      const key = command.type === "RunScript" ? "ScriptName" : "FileName";
      const params = [{ key, value: command.name.trim() }];
      if (command.type === "RunScript" && command.args.trim() !== "") {
        params.push({ key: "Args", value: command.args });
      }
      return { type: command.type, params };
    }),
    ...(comment ? { Comment: comment } : {}),
  };
}

// The same commands again.
export function fromCommands(commands: readonly Command[], comment: string): Draft {
  return {
    ...newDraft(),
    comment,
    commands: commands.map((command) => ({
      ...newCommand(command.type),
      name: param(command, "ScriptName") || param(command, "FileName"),
      args: param(command, "Args"),
      path: param(command, "Path"),
    })),
  };
}

export function param(command: Command, key: string): string {
  return command.params.find((one) => one.key.toLowerCase() === key.toLowerCase())?.value ?? "";
}

// One command in a line, as people write it.
export function commandLine(command: Command): string {
  switch (command.type) {
    case "RunScript":
      return [param(command, "ScriptName"), param(command, "Args")].filter(Boolean).join(" ");
    case "PutFile":
      return param(command, "FileName");
    case "GetFile":
      return param(command, "Path");
    case "BuiltIn":
      return param(command, "Args") || command.params.map((one) => one.value).filter(Boolean).join(" ");
    case "Terminal": // its parameters are the key and the window, which say nothing to people
      return "terminal";
    case "Collect":
      return "collect";
  }
}

export const TYPE_WORDS: Record<CommandType, string> = {
  RunScript: "Run script",
  PutFile: "Put file",
  GetFile: "Get file",
  BuiltIn: "Built-in",
  Terminal: "Terminal",
  Collect: "Forensic package",
};
