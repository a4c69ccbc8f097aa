import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The repository's root. */
export const repository = resolve(import.meta.dirname, "../..");

/** The release build that `make run` uses too. */
export const binary = process.env.E2E_BINARY ?? join(repository, "target/release/ha-dashboard");

/** Waits until `probe` gives something else than `undefined` or `false`; `what` names it in the error. */
export async function until<T>(what: string, probe: () => Promise<T | undefined | false>, timeoutMs = 30_000) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe().catch(() => undefined);
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(50);
  }
}

/** Resident memory of a process. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (!kib) throw new Error("no VmRSS in /proc");
  return Number(kib) * 1024;
}

/** CPU time that a process has used. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // User and system time, in the ticks of a hundredth that Linux counts in.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The built program as a child process; its output goes to a file. */
export class Program {
  private readonly ended: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    /** Everything it wrote. */
    readonly logFile: string,
  ) {
    this.ended = new Promise((done) => {
      child.once("exit", done);
      child.once("error", () => done(null));
    });
  }

  static start(args: string[], env: Record<string, string>, logFile: string): Program {
    // Settings of the person who runs the tests must not count.
    const outer = Object.entries(process.env).filter(([name]) => !name.startsWith("HAD_"));
    const log = openSync(logFile, "a");
    const child = spawn(binary, args, {
      cwd: repository,
      env: { ...Object.fromEntries(outer), ...env },
      // Straight into the file: nothing is lost when either side crashes.
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    return new Program(child, logFile);
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${binary} did not start; see ${this.logFile}`);
    return this.child.pid;
  }

  /** Waits for `url` to answer with 2xx; fails at once, with the log, when the program ends. */
  async answers(url: string) {
    await until(`${url} answers`, async () => {
      if (this.child.exitCode !== null) return true;
      return (await fetch(url)).ok;
    });
    if (this.child.exitCode !== null) {
      throw new Error(`${binary} ended with ${this.child.exitCode}:\n${await readFile(this.logFile, "utf8")}`);
    }
  }

  /** Resident memory in bytes. */
  memory(): Promise<number> {
    return residentBytes(this.pid);
  }

  /** Waits for its end and gives its exit code. */
  end(): Promise<number | null> {
    return this.ended;
  }

  /** Kills it as the kernel would when memory is out. */
  async crash() {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** Ends it in order, by force after 10 s. */
  async stop(): Promise<number | null> {
    this.child.kill("SIGTERM");
    const gone = await Promise.race([this.ended.then(() => true), delay(10_000, false, { ref: false })]);
    if (!gone) this.child.kill("SIGKILL");
    return this.ended;
  }
}
