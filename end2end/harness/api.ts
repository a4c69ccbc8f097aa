import { until } from "./program.ts";

/** What the live stream's first message holds, as far as tests look at it. */
export type Snapshot = {
  cursor: string;
  now_ms: number;
  status: {
    run: null | {
      id: string;
      state: { state: string; verdict?: string };
      created_ms: number;
      started_ms: number | null;
      ended_ms: number | null;
      thresholds: { value: number | null }[];
      totals: null | { requests: number | null; request_rate: number | null; p95_s: number | null };
    };
  };
  history: { at_ms: number[]; counted_ms: number[]; series: Record<string, (number | null)[]> };
};

const loadTest = "/api/v1/analytics/load-test";

/** The dashboard's REST API. */
export class Api {
  constructor(private readonly url: string) {}

  get(path: string, headers: Record<string, string> = {}) {
    return fetch(this.url + path, { headers });
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}) {
    return fetch(this.url + path, {
      method: "POST",
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
  }

  start(body: Record<string, unknown>) {
    return this.post(`${loadTest}/start`, body);
  }

  stop() {
    return this.post(`${loadTest}/stop`);
  }

  async status(): Promise<{ status: string; running: boolean; current_vus: number | null; test_id: string | null }> {
    return (await this.get(`${loadTest}/status`)).json();
  }

  /** The whole picture now: the live stream's first message. */
  async snapshot(): Promise<Snapshot> {
    const abort = new AbortController();
    try {
      const answer = await fetch(`${this.url}/api/v1/live`, { signal: abort.signal });
      if (!answer.body) throw new Error("the live stream has no body");
      let text = "";
      for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        // Until the event is whole.
        const end = text.indexOf("\n\n");
        const data = end < 0 ? undefined : /^data: ?(.*)$/m.exec(text.slice(0, end))?.[1];
        if (data) return JSON.parse(data) as Snapshot;
      }
      throw new Error("the live stream ended before its first message");
    } finally {
      abort.abort();
    }
  }

  /** Waits until runs can be started. */
  async ready() {
    await until("the dashboard is ready", async () => (await this.get("/ready")).ok);
  }

  /** Stops what runs and waits for its end. */
  async idle() {
    if (!(await this.status()).running) return;
    await this.stop();
    await until("the run ends", async () => !(await this.status()).running);
  }
}
