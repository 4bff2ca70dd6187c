// A stand-in of the API of sessions that runs nothing by itself: a test says when a command ends and
// what it left.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Api, ApiError, Unreachable } from "../../src/api/client.ts";
import type { CommandTable, InteractiveSession, MachineAction, SessionCommand } from "../../src/api/types.ts";
import { findCommand } from "../../src/interactive/line.ts";

export const table = JSON.parse(readFileSync(join(import.meta.dirname, "../../../api/interactive.json"), "utf8")) as CommandTable;

interface Work {
  action: MachineAction;
  result: string;
  ended: () => void; // set when somebody watches it
}

export class StandIn {
  session: InteractiveSession = {
    id: "s1", machineId: "m1", machineName: "web-01", status: "Open", creator: "dana", mine: true, comment: "", created: "2026-03-01T10:00:00Z",
    lastUsed: "2026-03-01T10:00:00Z", ended: null, endReason: null, idleTimeoutSeconds: 1800, commands: 0,
  };
  readonly commands: SessionCommand[] = [];
  readonly work = new Map<string, Work>();
  readonly asked: string[] = [];
  private readonly keys = new Map<string, { digest: string; command: SessionCommand }>();
  losesAnswers = false; // what is sent comes, and no answer goes back
  held: Promise<void> | undefined; // the list of commands is told when it is over
  failNext: ((line: string) => Error | undefined) | undefined;

  readonly api = {
    get: (path: string) => this.get(path),
    send: async (method: string, path: string, options: { body: Record<string, string>; headers?: Record<string, string> }) => {
      const answer = await this.send(method, path, options.body, options.headers?.["Idempotency-Key"] ?? "");
      if (this.losesAnswers) throw new Unreachable();
      return answer;
    },
    call: (_: string, path: string) => this.events(path),
  } as unknown as Api;

  get sent(): string[] {
    return this.asked.filter((one) => one.startsWith("line ")).map((one) => one.slice(5));
  }

  finish(number: number, rows: object[], errors = ""): void {
    const command = this.commands[number - 1];
    const work = this.work.get(command?.action.id ?? "");
    if (!command || !work) throw new Error(`no command ${number}`);
    const [one] = work.action.commands;
    work.action = { ...work.action, status: "Succeeded", commands: [{ ...one!, commandStatus: "Completed" }] };
    work.result = JSON.stringify({
      script_name: command.command, exit_code: errors ? 1 : 0, script_output: rows.map((row) => `${JSON.stringify(row)}\n`).join(""), script_errors: errors,
    });
    work.ended();
  }

  private get(path: string): Promise<unknown> {
    this.asked.push(`GET ${path}`);
    const action = /^\/api\/machineactions\/([^/?]+)(\/GetLive)?/u.exec(path);
    if (action?.[2]) return Promise.resolve({ value: `https://localhost/result/${action[1]}` });
    if (action) return Promise.resolve(this.work.get(action[1] ?? "")?.action);
    if (path.endsWith("/commands")) return this.list();
    if (path === "/api/libraryfiles") return Promise.resolve({ value: [{ fileName: "triage.sh" }] });
    return Promise.resolve(this.session);
  }
  private async list(): Promise<unknown> {
    await this.held;
    return { value: [...this.commands] };
  }
  private send(method: string, path: string, body: Record<string, string>, key: string): Promise<unknown> {
    this.asked.push(`${method} ${path}`);
    if (path.endsWith("/cancel")) {
      const work = this.work.get(path.split("/")[3] ?? "")!;
      work.action = { ...work.action, cancellationDateTimeUtc: "2026-03-01T10:00:01Z" };
      return Promise.resolve(work.action);
    }
    if (path.endsWith("/close")) {
      this.session = { ...this.session, status: "Ended", endReason: "closed by dana" };
      return Promise.resolve(this.session);
    }
    return this.line(path.split("/")[4] ?? "", body.commandLine ?? "", body.currentDirectory ?? "", key);
  }
  private line(sessionId: string, line: string, folder: string, key: string): Promise<unknown> {
    this.asked.push(`line ${line} in ${folder}`);
    const fail = this.failNext?.(line);
    if (fail) return Promise.reject(fail);
    const digest = JSON.stringify([sessionId, line, folder]);
    const earlier = this.keys.get(key);
    if (earlier && earlier.digest !== digest) return Promise.reject(new ApiError(422, "IdempotencyKeyMismatch", `idempotency key '${key}' came with another body before`, "", 0));
    if (earlier) return Promise.resolve(earlier.command);
    if (this.session.status === "Ended" || sessionId !== this.session.id) return Promise.reject(new ApiError(409, "Conflict", "the session has ended: idle", "", 0));
    const [word = "", argument] = line.split(/\s+/u);
    const command = findCommand(table, word);
    if (!command) return Promise.reject(new ApiError(400, "InvalidInput", `commandLine: '${word}' is no command; help lists them`, "", 0));
    const shape = { command: command.name, by: command.by, output: "table" as const, file: null, background: line.endsWith("&"), columns: command.columns };
    if (command.by === "client") {
      const parameter = command.parameters[0]?.name;
      return Promise.resolve({ ...shape, parameters: parameter && argument ? { [parameter]: argument } : {} });
    }
    const made = this.accept(line, folder, { ...shape, by: command.by });
    if (key) this.keys.set(key, { digest, command: made });
    return Promise.resolve(made);
  }
  accept(line: string, folder: string, shape: Pick<SessionCommand, "command" | "by" | "output" | "file" | "background" | "columns">): SessionCommand {
    const number = this.commands.length + 1;
    const action = {
      id: `a${number}`, status: "Pending", machineId: "m1", cancellationDateTimeUtc: null,
      commands: [{ index: 0, startTime: null, endTime: null, commandStatus: "Created", errors: [], command: { type: "BuiltIn", params: [] } }],
    } as unknown as MachineAction;
    this.work.set(action.id, { action, result: "", ended: () => undefined });
    const made = { ...shape, number, commandLine: line, currentDirectory: folder, action };
    this.commands.push(made);
    return made;
  }
  private events(path: string): Promise<Response> {
    const work = this.work.get(path.split("/")[3] ?? "")!;
    return new Promise((resolve) => {
      work.ended = () => resolve(new Response(`id: 1\nevent: end\ndata: {"status":"Succeeded"}\n\n`));
    });
  }
}
