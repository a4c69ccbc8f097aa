import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Api } from "./api.ts";
import { until } from "./program.ts";
import { services, type Knobs, type ServiceName, type System } from "./system.ts";

/** Set by `.ci/stack env`: a test run against docker-compose.yml in place of processes. */
export const inContainers = process.env.E2E_STACK === "compose";

const ports = { "product-service": 8080, "user-service": 8081, "checkout-service": 8082 } as const;
const run = promisify(execFile);

/** The containers that a demo service is, and others themselves. */
const replicas = (name: string) =>
  services.some((service) => service === name) ? [1, 2].map((number) => `${name}-${number}`) : [name];

/** The stack of docker-compose.yml that `.ci/stack up` started. There is one, so tests share it. */
export class ComposeStack implements System {
  private constructor(
    private readonly project: string,
    private readonly port: string,
    private readonly folder: string,
  ) {}

  static async join(): Promise<ComposeStack> {
    const { COMPOSE_PROJECT_NAME: project, HAD_PORT: port, E2E_FOLDER: folder } = process.env;
    if (!project || !port || !folder) throw new Error("run the tests with `.ci/stack test`, which names the stack");
    const stack = new ComposeStack(project, port, folder);
    await stack.api.ready();
    return stack;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get api() {
    return new Api(this.url);
  }

  get scripts() {
    return join(this.folder, "k6-scripts");
  }

  serviceUrl(name: ServiceName) {
    return `http://${name}:${ports[name]}`;
  }

  /** `docker` on the stack's engine. */
  async docker(...args: string[]): Promise<string> {
    return (await run("docker", args)).stdout.trim();
  }

  /** A service's container. */
  async container(service: string): Promise<string> {
    const labels = [`com.docker.compose.project=${this.project}`, `com.docker.compose.service=${service}`];
    const filters = labels.flatMap((label) => ["--filter", `label=${label}`]);
    return this.docker("ps", "--all", "--quiet", ...filters);
  }

  async turn(name: ServiceName, { latency_ms, error_share }: Knobs) {
    const knobs = ["--latency-ms", String(latency_ms), "--error-share", String(error_share)];
    const addr = ["--addr", `127.0.0.1:${ports[name]}`];
    const turn = async (replica: string) =>
      this.docker("exec", await this.container(replica), "/app/ha-dashboard", "knobs", ...addr, ...knobs);
    await Promise.all(replicas(name).map(turn));
  }

  async calm() {
    await Promise.all(services.map((name) => this.turn(name, { latency_ms: 0, error_share: 0 })));
    await this.api.idle();
  }

  async endService(name: string) {
    for (const replica of replicas(name)) await this.docker("stop", await this.container(replica));
  }

  async startService(name: string) {
    for (const replica of replicas(name)) await this.docker("start", await this.container(replica));
  }

  async crash() {
    await this.docker("kill", await this.container("dashboard"));
  }

  async startDashboard() {
    await this.startService("dashboard");
    await this.api.ready();
  }

  async k6AtWork() {
    const names = await this.docker("ps", "--filter", "label=ha-dashboard.run", "--format", "{{.Names}}");
    return names.split("\n").filter(Boolean);
  }

  /** Every container of the dashboard's, whether or not it runs. */
  async k6Left() {
    const names = await this.docker("ps", "--all", "--filter", "label=ha-dashboard.owner", "--format", "{{.Names}}");
    return names.split("\n").filter(Boolean);
  }

  /** Everything back at work and calm, whatever a test did to it. */
  private async restore() {
    for (const name of ["prometheus", ...services, "stage-gateway", "dashboard"]) await this.startService(name);
    await this.api.ready();
    await until("the services are there", async () => {
      await this.calm();
      return true;
    });
  }

  /** Everything back at work, and every earlier run forgotten. */
  async renew() {
    await this.restore();
    const dashboard = await this.container("dashboard");
    await this.docker("stop", dashboard);
    // Its state is a volume that only the dashboard's own image can empty.
    const image = await this.docker("inspect", "--format", "{{.Image}}", await this.container("k6"));
    const empty = ["run", "--rm", "--network", "none", "--user", "10001", "--volumes-from", dashboard];
    await this.docker(...empty, "--entrypoint", "sh", image, "-c", "rm -rf /var/lib/ha-dashboard/*");
    await this.startDashboard();
  }

  async stop() {
    await this.restore();
  }
}
