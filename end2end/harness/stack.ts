import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "./api.ts";
import { freePort } from "./net.ts";
import { Program, repository } from "./program.ts";
import { services, type Knobs, type ServiceName, type System } from "./system.ts";

/** A whole system of its own: demo services, dashboard with its Prometheus, scripts folder and state folder. */
export class Stack implements System {
  private dashboard?: Program;
  private runs = 0;

  private constructor(
    private readonly folder: string,
    private readonly ports: { dashboard: number; prometheus: number; services: number[] },
    private readonly demo: Program[],
    private readonly settings: Record<string, string>,
    /** How many replicas each service has behind a gateway, set as `make run` does; 0: it is there itself. */
    private readonly replicas: number,
  ) {}

  static async start(settings: Record<string, string> = {}, replicas = 0): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), "ha-dashboard-e2e-"));
    await mkdir(join(folder, "state"));
    await cp(join(repository, "k6-scripts"), join(folder, "scripts"), { recursive: true });
    const ports = {
      dashboard: await freePort(),
      prometheus: await freePort(),
      services: await Promise.all(services.map(freePort)),
    };
    const stack = new Stack(folder, ports, [], settings, replicas);
    try {
      if (replicas > 0) await stack.writeStage();
      await stack.startDemo();
      await stack.startDashboard();
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /** The dashboard's address. */
  get url() {
    return `http://127.0.0.1:${this.ports.dashboard}`;
  }

  /** The REST API. */
  get api() {
    return new Api(this.url);
  }

  /** The folder with the k6 scripts. */
  get scripts() {
    return join(this.folder, "scripts");
  }

  serviceUrl(name: ServiceName) {
    return `http://127.0.0.1:${this.ports.services[services.indexOf(name)]}`;
  }

  private get services(): Record<string, string> {
    if (this.replicas > 0)
      return { HAD_CONFIG: join(this.folder, "ha-dashboard.toml"), HAD_STATE_DIR: join(this.folder, "state") };
    return { HAD_SERVICES: services.map((name) => `${name}=${this.serviceUrl(name)}`).join(",") };
  }

  /** The dashboard's process. */
  get program(): Program {
    if (!this.dashboard) throw new Error("the dashboard is not running");
    return this.dashboard;
  }

  /** What the dashboard and commands that ask it are set by. */
  get environment(): Record<string, string> {
    return {
      HAD_ADDR: `127.0.0.1:${this.ports.dashboard}`,
      HAD_STATE_DIR: join(this.folder, "state"),
      HAD_SCRIPTS_DIR: this.scripts,
      HAD_SITE_ROOT: join(repository, "target/site"),
      HAD_PROMETHEUS_PORT: String(this.ports.prometheus),
      ...this.services,
      HAD_ENGINE: "process",
      ...this.settings,
    };
  }

  async startDashboard() {
    this.dashboard = Program.start(["serve"], this.environment, join(this.folder, "dashboard.log"));
    await this.dashboard.answers(`${this.url}/live`);
    await this.api.ready();
  }

  /** `ha-dashboard run` against this system's services, without its dashboard. */
  async run(args: string[], settings: Record<string, string> = {}): Promise<{ code: number | null; output: string }> {
    const logFile = join(this.folder, `run-${this.runs++}.log`);
    const env = { HAD_SCRIPTS_DIR: this.scripts, ...this.services, HAD_ENGINE: "process", ...settings };
    const code = await Program.start(["run", ...args], env, logFile).end();
    return { code, output: await readFile(logFile, "utf8") };
  }

  /** Another command, asking this system's dashboard. */
  async ask(args: string[]): Promise<{ code: number | null; output: string }> {
    const logFile = join(this.folder, `run-${this.runs++}.log`);
    const code = await Program.start(["--addr", new URL(this.url).host, ...args], {}, logFile).end();
    return { code, output: await readFile(logFile, "utf8") };
  }

  /** The services' replicas, each behind a door of its own. */
  private async writeStage() {
    const here = (port: number) => JSON.stringify(`http://127.0.0.1:${port}`);
    let text = "";
    for (const name of services) {
      text += `[[service]]\nname = "${name}"\nurl = ${JSON.stringify(this.serviceUrl(name))}\n`;
      if (name === "checkout-service") text += 'depends_on = ["product-service", "user-service"]\n';
      text += "slo = { availability = 99.5, p95_ms = 300 }\n";
      for (let number = 1; number <= this.replicas; number++) {
        const [url, door] = [here(await freePort()), here(await freePort())];
        text += `[[service.replica]]\nname = "${name}-${number}"\nurl = ${url}\ndoor = ${door}\n`;
      }
    }
    await writeFile(join(this.folder, "ha-dashboard.toml"), text);
  }

  private async startDemo() {
    if (this.replicas > 0) {
      const program = Program.start(["demo"], this.services, join(this.folder, "demo.log"));
      this.demo.push(program);
      await Promise.all(services.map((name) => program.answers(`${this.serviceUrl(name)}/health`)));
      return;
    }
    for (const name of services) {
      const program = Program.start(["demo", "--service", name], this.services, join(this.folder, `${name}.log`));
      this.demo.push(program);
    }
    await Promise.all(services.map((name, at) => this.demo[at]?.answers(`${this.serviceUrl(name)}/health`)));
  }

  /** The store's address. */
  get storeUrl() {
    return `http://127.0.0.1:${this.ports.prometheus}`;
  }

  /** Every stored sample of a series, oldest first. */
  async samples(selector: string): Promise<{ ms: number; value: number }[]> {
    const query = new URLSearchParams({ query: `${selector}[1h]` });
    const answer = await fetch(`${this.storeUrl}/api/v1/query?${query}`);
    const { data } = (await answer.json()) as { data: { result: { values: [number, string][] }[] } };
    const values = data.result.flatMap((series) => series.values);
    return values.map(([seconds, value]) => ({ ms: seconds * 1000, value: Number(value) }));
  }

  /** Ends the dashboard in order, takes all data from its metrics store, and starts another one. */
  async forgetMetrics() {
    await this.program.stop();
    await rm(join(this.folder, "state/prometheus"), { recursive: true });
    await this.startDashboard();
  }

  /** Ends the dashboard in order, puts copies of a run where its former versions kept them, and starts it again. */
  async multiplyRuns(run: { id: string; created_ms: number }, copies: number) {
    await this.program.stop();
    for (let number = 1; number <= copies; number++) {
      const copy = { ...run, id: `copy-${number}`, created_ms: run.created_ms - number * 60_000 };
      const folder = join(this.folder, "state/runs", copy.id);
      await mkdir(folder);
      await writeFile(join(folder, "run.json"), JSON.stringify(copy));
    }
    await this.startDashboard();
  }

  /** Ends a demo service. */
  async endService(name: ServiceName) {
    await this.demo[services.indexOf(name)]?.stop();
  }

  async crash() {
    await this.program.crash();
  }

  /** The k6 processes that were given this system's scripts folder or its state folder. */
  async k6AtWork(): Promise<string[]> {
    const pids = (await readdir("/proc")).filter((name) => Number(name) > 0);
    const isOurs = async (pid: string) => {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return /(^|\/)k6\0run\0/.test(command) && command.includes(this.folder);
    };
    const ours = await Promise.all(pids.map(isOurs));
    return pids.filter((_, at) => ours[at]);
  }

  async turn(name: ServiceName, knobs: Knobs) {
    const answer = await fetch(`${this.serviceUrl(name)}/knobs`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(knobs),
    });
    if (!answer.ok) throw new Error(`${name} refuses its knobs: ${answer.status} ${await answer.text()}`);
  }

  /** Calm: no run at work, no added latency, no errors. */
  async calm() {
    await Promise.all(services.map((name) => this.turn(name, { latency_ms: 0, error_share: 0 })));
    await this.api.idle();
  }

  async stop() {
    await this.api.idle().catch(() => undefined);
    await this.dashboard?.stop();
    await Promise.all(this.demo.map((program) => program.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
