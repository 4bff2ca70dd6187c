// The API's objects, as api/openapi.json describes them: what the console shows of them.

export interface Machine {
  id: string;
  computerDnsName: string;
  firstSeen: string;
  lastSeen: string;
  osPlatform: string;
  osProcessor: string | null;
  osArchitecture: string | null;
  osDistribution: string | null;
  version: string | null;
  osBuild: number;
  lastIpAddress: string | null;
  lastExternalIpAddress: string | null;
  agentVersion: string | null;
  healthStatus: string;
  deviceValue: "Normal" | "Low" | "High";
  rbacGroupName: string | null;
  machineTags: string[];
  ipAddresses: {
    ipAddress: string;
    macAddress: string | null;
    type: string;
    operationalStatus: string;
  }[];
  quarantine?: { since: string; reason: string };
}

export type ActionStatus =
  | "Pending"
  | "InProgress"
  | "Succeeded"
  | "Failed"
  | "TimeOut"
  | "Cancelled";
// BuiltIn, Terminal, Collect: only as a line of an interactive session.
export type CommandType = "RunScript" | "PutFile" | "GetFile" | "BuiltIn" | "Terminal" | "Collect";

export interface Param {
  key: string;
  value: string;
}
export interface Command {
  type: CommandType;
  params: Param[];
}
export interface CommandResult {
  index: number;
  startTime: string | null;
  endTime: string | null;
  commandStatus: string;
  errors: string[];
  command: Command;
  file?: { path: string; size: number; sha256: string };
}
export interface MachineAction {
  id: string;
  type: string;
  title: string | null;
  requestor: string;
  requestorComment: string;
  status: ActionStatus;
  machineId: string;
  computerDnsName: string;
  creationDateTimeUtc: string;
  lastUpdateDateTimeUtc: string;
  cancellationRequestor: string | null;
  cancellationComment: string | null;
  cancellationDateTimeUtc: string | null;
  externalId: string | null;
  commands: CommandResult[];
}
export const FINAL: readonly string[] = ["Succeeded", "Failed", "TimeOut", "Cancelled"];

export interface LibraryFile {
  fileName: string;
  sha256: string;
  description: string | null;
  creationTime: string;
  lastUpdatedTime: string;
  createdBy: string;
  hasParameters: boolean;
  parametersDescription: string | null;
}

export interface Receipts {
  machineId: string;
  publicKey: string;
  value: { index: number; receipt: string; signature: string }[];
}

export interface Page<T> {
  value: T[];
  "@odata.count"?: number;
  "@odata.nextLink"?: string;
}

// ---- Reachback's own, below /api/reachback
export interface Me {
  name: string;
  application: string | null;
  roles: string[];
  permissions: string[];
  liveResponseAdvanced: boolean;
  groups: string[];
  allMachines: boolean;
  expires: string;
}
export interface AuditRecord {
  sequence: number;
  chain: "database" | "access";
  record: number;
  time: string;
  what: string;
  who: string;
  tokenId: string | null;
  machineId: string | null;
  actionId: string | null;
  commandIndex: number | null;
  object: string | null;
  detail: string | null;
  outcome: string | null;
  peerIp: string | null;
  requestHash: string | null;
}
export interface Application {
  clientId: string;
  name: string;
  roles: string[];
  scopes: string[];
  redirectUris: string[];
  created: string;
  publicClient: boolean;
}
export interface User {
  name: string;
  roles: string[];
  groups: string[];
  disabled: boolean;
  oneTimeCode: boolean;
  created: string;
}
export interface DeviceGroup {
  name: string;
  tags: string[];
}
export interface EnrolmentToken {
  id: string;
  created: string;
  expires: string;
  usesLeft: number;
  tags: string[];
}
export interface NewEnrolmentToken {
  enrollmentToken: string;
  expires: string;
  server: string;
  caFile: string;
}
export interface WebhookDelivery {
  id: number;
  type: string;
  object: string;
  happened: string;
  state: "waiting" | "delivered" | "givenUp";
  attempts: number;
  lastAttempt: string | null;
  nextAttempt: string | null;
  status: number | null;
  error: string | null;
}
export interface Webhook {
  name: string;
  url: string;
  events: string[];
  waiting: number;
  last: WebhookDelivery | null;
}
export interface MachineState {
  online: boolean;
  since: string | null;
  agentVersion: string | null;
}

// ---- Interactive sessions (docs/interactive-sessions.md)
export interface InteractiveParameter {
  name: string;
  positional?: boolean;
  optional?: boolean;
  kind: "path" | "text" | "number" | "switch";
}
export interface InteractiveCommand {
  name: string;
  aliases?: string[];
  by: "agent" | "action" | "client";
  role: "basic" | "advanced";
  summary: string;
  parameters: InteractiveParameter[];
  columns: string[];
}
export interface CommandTable {
  commands: InteractiveCommand[];
}
export interface InteractiveSession {
  id: string;
  machineId: string;
  machineName: string;
  status: "Open" | "Ended";
  creator: string;
  mine: boolean;
  comment: string;
  created: string;
  lastUsed: string;
  ended: string | null;
  endReason: string | null;
  idleTimeoutSeconds: number;
  commands: number;
}
interface LineAnswer {
  command: string;
  output: "table" | "json";
  file: string | null;
  background: boolean;
  columns: string[];
}
export interface SessionCommand extends LineAnswer {
  by: "agent" | "action";
  number: number;
  commandLine: string;
  currentDirectory: string;
  action: MachineAction;
}
export interface ClientCommand extends LineAnswer {
  by: "client";
  parameters: Record<string, string>;
}
