// `npm run try`: a server, a user and some machines to look at, with the built console in front;
// `npm run try -- --dev` serves the sources by Vite instead, without the content security policy.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Front } from "./front.ts";
import { furnish } from "./furnish.ts";
import { freePort, World } from "./world.ts";

const console_ = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "reachback-console-"));
const port = Number(process.env.PORT ?? (await freePort()));
const publicUrl = `https://localhost:${port}`;
let files = null;
if (process.argv.includes("--dev")) {
  const vite = await (await import("vite")).createServer({ root: console_, server: { middlewareMode: true, hmr: false } });
  files = vite.middlewares;
}
const front = await new Front(join(console_, "dist"), folder, files).start(port);
const world = new World(folder, publicUrl);
front.world = world;
const stop = () => void Promise.all([world.stop(), front.stop()]).then(() => process.exit(0));
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
try {
  await world.start();
  const made = await furnish(world, front);
  console.log(`${publicUrl}/console/   user ${made.admin.name}   password ${made.admin.password}`);
} catch (error) {
  console.error(error);
  await world.stop();
  process.exit(1);
}
