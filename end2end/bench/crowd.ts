import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

/** How many join at once, so that nobody is turned away at the door. */
const batch = 50;

/** Many who follow one stream of server-sent events. They count what comes and keep none of it. */
export class Crowd {
  private readonly sockets: Socket[] = [];
  private readonly answered = new Set<Socket>();
  /** When each viewer saw each event, in ms, by the event's mark. */
  private seen = new Map<string, number[]>();

  private constructor(
    private readonly url: URL,
    private readonly mark: RegExp,
  ) {}

  /** Lets `count` viewers join, and waits until each got something; `mark` finds what tells one event from another. */
  static async join(url: string, count: number, mark: RegExp): Promise<Crowd> {
    const crowd = new Crowd(new URL(url), mark);
    while (crowd.sockets.length < count) {
      for (let more = Math.min(batch, count - crowd.sockets.length); more > 0; more--) crowd.enter();
      await crowd.settled();
    }
    return crowd;
  }

  private enter() {
    const { hostname, port, pathname, search, host } = this.url;
    const socket = connect(Number(port), hostname);
    socket.on("data", (bytes: Buffer) => this.take(socket, bytes));
    socket.on("error", () => socket.destroy());
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\naccept: text/event-stream\r\n\r\n`);
    this.sockets.push(socket);
  }

  private take(socket: Socket, bytes: Buffer) {
    this.answered.add(socket);
    // An event begins its chunk, so this is enough to know it by.
    const found = this.mark.exec(bytes.toString("latin1", 0, 300))?.[1];
    if (found === undefined) return;
    const times = this.seen.get(found);
    if (times) times.push(performance.now());
    else this.seen.set(found, [performance.now()]);
  }

  private async settled() {
    const deadline = performance.now() + 20_000;
    while (this.answered.size < this.sockets.length) {
      if (performance.now() > deadline) throw new Error(`only ${this.answered.size} of ${this.sockets.length} get in`);
      await delay(5);
    }
  }

  /** How many are still there. */
  get size() {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  /** For each viewer and event of the next `seconds`, how much later than the first viewer it came, in ms. */
  async lags(seconds: number): Promise<number[]> {
    this.seen = new Map();
    await delay(seconds * 1000);
    // What came first and last may have been under way already, or still.
    return [...this.seen.values()].slice(1, -1).flatMap((times) => times.map((time) => time - Math.min(...times)));
  }

  /** Lets everybody leave. */
  leave() {
    for (const socket of this.sockets) socket.destroy();
  }
}
