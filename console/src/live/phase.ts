// How far a command of an action has come. Pure.
import type { CommandResult, CommandType } from "../api/types";

export type Phase = "waiting" | "running" | "completed" | "failed" | "skipped";

export function phaseOf(command: CommandResult, actionIsFinal: boolean): Phase {
  if (command.commandStatus === "Completed") return "completed";
  if (command.commandStatus === "Failed") return "failed";
  if (actionIsFinal) return "skipped";
  return command.startTime || ["Started", "Executing"].includes(command.commandStatus) ? "running" : "waiting";
}

// What the two streams that a command leaves are called.
export function streamNames(type: CommandType): { stdout: string; stderr: string } {
  return type === "Terminal" ? { stdout: "What was shown", stderr: "Timing" } : { stdout: "Standard output", stderr: "Standard error" };
}

// Whether it leaves an output and an exit code, rather than a file.
export function writes(type: CommandType): boolean {
  return type === "RunScript" || type === "BuiltIn" || type === "Terminal";
}
