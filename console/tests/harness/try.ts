// `npm run try`: a server, a user and some machines to look at; `npm run try -- --dev`: the same with
// the sources, served by Vite, without the content security policy.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { furnish } from "./furnish.ts";
import { freePort, World } from "./world.ts";

const folder = mkdtempSync(join(tmpdir(), "reachback-console-"));
const publicPort = Number(process.env.PORT ?? (await freePort()));
const dev = process.argv.includes("--dev");
const world = new World(folder, dev ? await freePort() : publicPort, publicPort);
let closeVite = () => Promise.resolve();
const stop = () => void Promise.all([world.stop(), closeVite()]).then(() => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
try {
  await world.start();
  if (dev) closeVite = await serveSources();
  const made = await furnish(world);
  console.log(`${world.publicUrl}/console/   user ${made.admin.name}   password ${made.admin.password}`);
} catch (error) {
  console.error(error);
  await world.stop();
  process.exit(1);
}

// In front of the server, at its public address: what is no page of the console goes on to it.
async function serveSources(): Promise<() => Promise<void>> {
  const [key, certificate] = [join(folder, "vite.key"), join(folder, "vite.pem")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], { stdio: "ignore" });
  const { createServer } = await import("vite");
  const server = await createServer({
    root: resolve(import.meta.dirname, "../.."),
    server: {
      host: "127.0.0.1",
      port: publicPort,
      strictPort: true,
      https: { key: readFileSync(key), cert: readFileSync(certificate) },
      proxy: { "^/(?!console/)|^/console/config\\.json$": { target: { protocol: "https:", host: "127.0.0.1", port: Number(new URL(world.url).port), ca: readFileSync(world.caFile, "utf8") } } },
    },
  });
  await server.listen();
  return () => server.close();
}
