// What stands in for the server's own serving of the console: the built files with the content
// security policy that the server sends, and everything else passed on to the real server over TLS.
// Where the real server answers 404 to an address of people's extension API, a stand-in may answer.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer, request as secureRequest, type Server } from "node:https";
import { extname, join, normalize } from "node:path";
import type { World } from "./world.ts";

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

export type Files = (q: IncomingMessage, a: ServerResponse) => void;
export type Answerer = (request: IncomingMessage, answer: ServerResponse) => boolean;

export class Front {
  private server: Server | null = null;
  world: World | null = null;
  standIn: Answerer | null = null;
  before: Answerer | null = null; // asked first, for tests that break something on purpose

  private readonly dist: string;
  private readonly folder: string;
  private readonly files: Files | null;

  constructor(dist: string, folder: string, files: Files | null = null) {
    this.dist = dist;
    this.folder = folder;
    this.files = files;
  }

  async start(port: number): Promise<this> {
    const key = join(this.folder, "front.key");
    const certificate = join(this.folder, "front.pem");
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
      "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], { stdio: "ignore" });
    this.server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (q, a) => this.handle(q, a));
    this.server.listen(port, "127.0.0.1");
    await new Promise((done) => this.server?.once("listening", done));
    return this;
  }
  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((done) => (this.server ? this.server.close(done) : done(null)));
  }

  private handle(q: IncomingMessage, a: ServerResponse): void {
    const path = (q.url ?? "/").split("?")[0] as string;
    if (this.before?.(q, a)) return;
    if (path === "/") {
      a.writeHead(302, { Location: "/console/" }).end();
    } else if (path === "/console/config.json") {
      this.config(a);
    } else if (path === "/console" || path.startsWith("/console/")) {
      if (this.files) this.files(q, a);
      else this.file(path.slice("/console".length), a);
    } else {
      this.pass(q, a);
    }
  }

  private config(a: ServerResponse): void {
    const world = this.world as World;
    a.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" }).end(
      JSON.stringify({
        tenantId: world.tenantId,
        clientId: world.clientId,
        authority: `${world.publicUrl}/${world.tenantId}/v2.0`,
        resource: "https://api.securitycenter.microsoft.com",
        publicUrl: world.publicUrl,
        agentsUrl: world.agentsUrl,
        version: "0.1.0",
        profile: "2026",
      }),
    );
  }

  private file(path: string, a: ServerResponse): void {
    let file = join(this.dist, normalize(decodeURIComponent(path)));
    if (!existsSync(file) || statSync(file).isDirectory()) {
      if (extname(path) !== "") {
        a.writeHead(404).end();
        return;
      }
      file = join(this.dist, "index.html");
    }
    const hashed = path.startsWith("/assets/");
    a.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Content-Security-Policy": POLICY,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Cache-Control": hashed ? "public, max-age=31536000, immutable" : "no-cache",
    }).end(readFileSync(file));
  }

  private pass(q: IncomingMessage, a: ServerResponse): void {
    const world = this.world as World;
    const to = new URL(q.url ?? "/", world.url);
    const send = to.protocol === "https:" ? secureRequest : request;
    const extension = /^\/api\/(reachback\/|machineactions\/[^/]+\/events)/iu.test(to.pathname);
    const onward = send(
      to,
      // The host that was called goes along: the server knows itself by its public address.
      { method: q.method, headers: q.headers, rejectUnauthorized: true, ca: readFileSync(world.caFile), servername: "localhost" },
      (answer) => {
        if (extension && answer.statusCode === 404 && this.standIn?.(q, a)) {
          answer.resume();
          return;
        }
        a.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(a);
      },
    );
    onward.on("error", (error) => a.headersSent ? a.destroy() : a.writeHead(502).end(String(error)));
    a.on("close", () => onward.destroy());
    q.pipe(onward);
  }
}
