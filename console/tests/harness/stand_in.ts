// Answers for addresses of the extension API that the server under test does not have yet. Plain
// data, shaped as the contract says; each goes out of use by itself once the server has the address.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answerer } from "./front.ts";
import type { World } from "./world.ts";

// What the script live.sh writes, and how fast.
export const LIVE_PIECE_MS = 500;
export const LIVE_PIECES = 8;

export function standIn(world: World): Answerer {
  const made = new Date().toISOString();
  const data: Record<string, unknown> = {
    "/api/reachback/me": {
      name: "dana@corp.example", application: "Reachback console", roles: ["admin"], groups: [],
      permissions: ["Machine.Read", "Machine.ReadWrite", "Machine.LiveResponse", "Library.Manage", "Audit.Read", "Reachback.Manage"],
      expires: new Date(Date.now() + 3_600_000).toISOString(),
    },
    "/api/reachback/applications": { value: [
      { clientId: world.clientId, name: "Reachback console", roles: [], scopes: ["Machine.Read", "Machine.LiveResponse", "Library.Manage"], redirectUris: [`${world.publicUrl}/console/signed-in`], created: made, publicClient: true },
      { clientId: "5c9f4a39-3e0b-4c57-9e7f-0a4dfb64d3a1", name: "soar-playbooks", roles: ["Machine.LiveResponse", "Machine.Read.All"], scopes: [], redirectUris: [], created: made, publicClient: false },
    ] },
    "/api/reachback/users": { value: [
      { name: "dana@corp.example", roles: ["admin"], groups: [], disabled: false, oneTimeCode: true, created: made },
      { name: "vic@corp.example", roles: ["viewer"], groups: ["web"], disabled: false, oneTimeCode: false, created: made },
    ] },
    "/api/reachback/deviceGroups": { value: [{ name: "web", tags: ["tier:web"] }] },
    "/api/reachback/audit": { nextBefore: null, value: [
      { sequence: 42, time: made, what: "action.accepted", who: "dana@corp.example", tokenId: null, machineId: null, actionId: "5382f7ea-7557-4ab7-9782-d50480024a4e", commandIndex: null, outcome: "accepted", requestHash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
      { sequence: 41, time: made, what: "token.issued", who: "dana@corp.example", tokenId: "t1", machineId: null, actionId: null, commandIndex: null, outcome: null, requestHash: null },
    ] },
  };
  return (q: IncomingMessage, a: ServerResponse) => {
    const path = (q.url ?? "").split("?")[0] as string;
    const events = /^\/api\/machineactions\/([^/]+)\/events$/u.exec(path);
    if (events) {
      live(world, events[1] as string, Number(q.headers["last-event-id"] ?? 0), a).catch(() => a.destroy());
      return true;
    }
    const state = /^\/api\/reachback\/machines\/([^/]+)\/state$/u.exec(path);
    const online = [...world.online.values()];
    if (state) {
      a.writeHead(200, { "Content-Type": "application/json" })
        .end(JSON.stringify({ online: online.includes(state[1] as string), since: made, agentVersion: "0.1.0" }));
      return true;
    }
    if (path === "/api/reachback/onlineMachines") {
      a.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ value: online }));
      return true;
    }
    if (path === "/api/reachback/enrollmentTokens") {
      q.resume();
      const body = q.method === "POST"
        ? { enrollmentToken: "FICtdJFwkp24ntzcBaqXhxHHP_BunA1Ep3XuUkScGq8", expires: new Date(Date.now() + 3_600_000).toISOString(), server: world.agentsUrl, caFile: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" }
        : { value: [{ id: "e1", expires: new Date(Date.now() + 1_800_000).toISOString(), uses: 5, usesLeft: 3, tags: ["tier:web"] }] };
      a.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
      return true;
    }
    if (q.method !== "GET" || !(path in data)) return false;
    a.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(data[path]));
    return true;
  };
}

// The events of an action that runs live.sh: what the script writes, when it writes it. Ids count the
// pieces of output, so that a reader can go on after any of them.
async function live(world: World, id: string, after: number, a: ServerResponse): Promise<void> {
  a.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const say = (event: string, data: object, number = 0) =>
    a.write(`${number ? `id: ${number}\n` : ""}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const pause = () => new Promise((done) => setTimeout(done, LIVE_PIECE_MS));
  let action = await world.call("GET", `/api/machineactions/${id}`);
  while (action.status === "Pending" && !a.destroyed) {
    await pause();
    action = await world.call("GET", `/api/machineactions/${id}`);
  }
  say("status", { status: action.status, lastUpdateDateTimeUtc: action.lastUpdateDateTimeUtc });
  const { startTime, endTime } = action.commands[0];
  say("command", { index: 0, commandStatus: "Started", startTime: startTime ?? new Date().toISOString(), endTime, errors: [] });
  let offset = 0;
  for (let number = 1; number <= LIVE_PIECES && !a.destroyed && action.status === "InProgress"; ++number) {
    const text = `step ${number} of ${LIVE_PIECES}\n`;
    if (number > after) {
      say("output", { index: 0, stream: "stdout", offset, length: text.length, text }, number);
      await pause();
    }
    offset += text.length;
    action = await world.call("GET", `/api/machineactions/${id}`);
  }
  const last = await world.call("GET", `/api/machineactions/${id}?waitFor=final&timeout=30s`);
  say("status", { status: last.status, lastUpdateDateTimeUtc: last.lastUpdateDateTimeUtc });
  say("end", { status: last.status });
  a.end();
}
