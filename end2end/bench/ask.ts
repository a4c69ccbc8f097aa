import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Asks for `url` for some time over `connections` kept open, and says how many whole answers came. */
export async function ask(url: string, connections: number, seconds: number, headers: Record<string, string> = {}) {
  const { hostname, port, pathname, search, host } = new URL(url);
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n${more.join("")}\r\n`;
  let answers = 0;
  let over = false;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      let missing = 0;
      let rest = Buffer.alloc(0);
      socket.on("error", reject);
      socket.on("close", () => resolve());
      socket.on("data", (bytes: Buffer) => {
        if (missing === 0) {
          rest = Buffer.concat([rest, bytes]);
          const end = rest.indexOf("\r\n\r\n");
          if (end < 0) return;
          const head = rest.toString("latin1", 0, end);
          const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
          if (!head.startsWith("HTTP/1.1 200")) return reject(new Error(head));
          if (length === undefined) {
            // In chunks.
            if (!rest.subarray(-5).equals(Buffer.from("0\r\n\r\n"))) return;
          } else {
            missing = end + 4 + Number(length) - rest.length;
          }
          rest = Buffer.alloc(0);
        } else {
          missing -= bytes.length;
        }
        if (missing > 0) return;
        missing = 0;
        answers++;
        if (over) socket.end();
        else socket.write(request);
      });
      socket.write(request);
    });
  const all = Array.from({ length: connections }, one);
  await Promise.race([delay(seconds * 1000), Promise.all(all)]);
  over = true;
  await Promise.all(all);
  return answers;
}
