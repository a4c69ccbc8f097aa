import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** Each worker takes its ports from a range of its own, below those that the kernel gives to connections. */
const range = 1000;
const first = 20_000 + range * (Number(process.env.TEST_PARALLEL_INDEX ?? 0) % 12);
let next = Math.floor(Math.random() * range);

/** A port that nobody listens on, and that no other worker is given. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < range; tries++) {
    const port = first + (next++ % range);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (free) {
      await new Promise((resolve) => server.close(resolve));
      return port;
    }
  }
  throw new Error(`no free port from ${first} to ${first + range - 1}`);
}

/** A network between browser and dashboard that can be cut: connections break, new ones are refused. */
export class Cable {
  private readonly sockets = new Set<Socket>();
  private isCut = false;

  private constructor(
    private readonly server: Server,
    /** Where the browser connects to. */
    readonly url: string,
  ) {}

  static async to(url: string): Promise<Cable> {
    const target = new URL(url);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const cable = new Cable(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on("connection", (near) => {
      if (cable.isCut) {
        near.destroy();
        return;
      }
      const far = connect(Number(target.port), target.hostname);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        cable.sockets.add(socket);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          cable.sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    return cable;
  }

  cut() {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend() {
    this.isCut = false;
  }

  async close() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
