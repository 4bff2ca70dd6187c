// The wire between a browser and the server: bytes pass as they are, so TLS ends where it ends without
// it. A test can cut it.
import { connect, createServer, type Socket } from "node:net";

export class Wire {
  private readonly ends = new Set<Socket>();
  private readonly server = createServer((near) => this.join(near));
  private readonly to: number;
  from = 1; // the server sees 127.0.0.N

  private constructor(to: number) {
    this.to = to;
  }
  static async start(port: number, to: number): Promise<Wire> {
    const wire = new Wire(to);
    wire.server.listen(port, "127.0.0.1");
    await new Promise((done) => wire.server.once("listening", done));
    return wire;
  }

  // Ends every connection; another may be made.
  cut(): void {
    for (const end of this.ends) end.destroy();
  }
  async stop(): Promise<void> {
    this.cut();
    await new Promise((done) => this.server.close(done));
  }

  private join(near: Socket): void {
    const far = connect({ port: this.to, host: "127.0.0.1", localAddress: `127.0.0.${this.from}` });
    for (const [end, other] of [[near, far], [far, near]] as const) {
      this.ends.add(end);
      end.on("error", () => other.destroy());
      end.on("close", () => {
        this.ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  }
}
