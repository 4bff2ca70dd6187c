// Users, machines, scripts and actions that tests and `npm run try` find in a world.
import type { Person, World } from "./world.ts";

export interface Furnished {
  admin: Person;
  viewer: Person;
  machine: string; // web-01, whose owner allows terminals
  database: string; // db-01, whose owner has said nothing
  actions: { done: string; hostile: string; many: string };
}

// What the script live.sh writes, and how fast.
const LIVE_PIECE_MS = 500;
const LIVE_PIECES = 8;

const ALL_COMMANDS = 'commands = ["RunScript", "PutFile", "GetFile", "BuiltIn", "Collect", "Terminal"]\n';

export const SCRIPTS: Record<string, { text: string; description: string; parameters?: string }> = {
  "triage.sh": {
    description: "What runs here, who is signed in, what listens",
    parameters: "--days N: how far back to look",
    text: `#!/bin/bash
echo "== host =="; hostname; uname -sr
echo "== arguments =="; printf '[%s]\\n' "$@"
echo "== disk =="; df -h / | head -3
echo "nothing unusual was found" >&2
`,
  },
  "live.sh": {
    description: "Says something, waits, says more",
    parameters: "how often; 8 times without it",
    text: `#!/bin/bash
for i in $(seq \${1:-${LIVE_PIECES}}); do echo "step $i of ${LIVE_PIECES}"; sleep ${LIVE_PIECE_MS / 1000}; done
echo "a word of warning" >&2
`,
  },
  "hostile.sh": {
    description: "Output that attacks who reads it",
    text: `#!/bin/bash
printf '<img src=x onerror="document.title=1">\\n<script>alert(1)</script>\\n'
printf '\\033[31mred\\033[0m \\033]0;title\\007 \\033[2J\\n'
printf 'invoice\\xe2\\x80\\xaegpj.exe and \\xe2\\x81\\xa6isolated\\xe2\\x81\\xa9\\n'
printf 'zero\\xe2\\x80\\x8bwidth \\xef\\xbb\\xbfbom\\rover the line\\n'
printf 'bad bytes: \\xff\\xfe, NUL: \\0, DEL: \\177\\n'
head -c 100000 /dev/zero | tr '\\0' x; echo
`,
  },
  "large.sh": {
    description: "More output than is shown at once",
    text: `#!/bin/bash
for i in $(seq 40000); do echo "line $i of the large output, with some words to fill it: lorem ipsum dolor sit amet"; done
echo "the end of standard error" >&2
exit 3
`,
  },
};

export async function furnish(world: World): Promise<Furnished> {
  const admin = await world.user("dana@corp.example", "admin");
  const viewer = await world.user("vic@corp.example", "viewer");
  const machine = await world.agent("web-01", { tags: ["tier:web", "site:fra"], policy: ALL_COMMANDS });
  const db = await world.agent("db-01", { tags: ["tier:db"] });
  await world.agent("old-build-07", { online: false, tags: ["tier:build"] });
  for (const [name, script] of Object.entries(SCRIPTS)) {
    const form = new FormData();
    form.set("Description", script.description);
    if (script.parameters) {
      form.set("HasParameters", "true");
      form.set("ParametersDescription", script.parameters);
    }
    form.set("file", new Blob([script.text]), name);
    await world.call("POST", "/api/libraryfiles", form);
  }
  const run = async (on: string, comment: string, ...commands: object[]): Promise<string> => {
    const { id } = await world.call("POST", `/api/machines/${on}/runliveresponse`, { Commands: commands, Comment: comment });
    await world.call("GET", `/api/machineactions/${id}?waitFor=final&timeout=30s`);
    return id as string;
  };
  const done = await run(machine, "INC-4711: alert on web-01", script("triage.sh", "--days 7 --user 'Ann Lee'"));
  const hostile = await run(db, "looking at a strange script", script("hostile.sh"));
  const many = await run(machine, "INC-4711: evidence", { type: "PutFile", params: [{ key: "FileName", value: "triage.sh" }] },
    script("large.sh"), { type: "GetFile", params: [{ key: "Path", value: "/etc/hostname" }] });
  return { admin, viewer, machine, database: db, actions: { done, hostile, many } };
}

export function script(name: string, args?: string): object {
  const params = [{ key: "ScriptName", value: name }];
  if (args) params.push({ key: "Args", value: args });
  return { type: "RunScript", params };
}
