import type { Api } from "./api.ts";

/** The demo services. */
export const services = ["product-service", "user-service", "checkout-service"] as const;
export type ServiceName = (typeof services)[number];

/** Latency and errors that a demo service adds to its answers. */
export type Knobs = { latency_ms: number; error_share: number };

/** A whole system under test, however its parts are run. */
export interface System {
  /** The dashboard's address. */
  readonly url: string;
  /** Its REST API. */
  readonly api: Api;
  /** The folder with the k6 scripts. */
  readonly scripts: string;
  /** A service's address as k6 reaches it. */
  serviceUrl(name: ServiceName): string;
  /** Sets a demo service's latency and error share. */
  turn(name: ServiceName, knobs: Knobs): Promise<void>;
  /** Calm: no run at work, no added latency, no errors. */
  calm(): Promise<void>;
  /** Ends a demo service. */
  endService(name: ServiceName): Promise<void>;
  /** Kills the dashboard, as a crash would. */
  crash(): Promise<void>;
  /** Starts it again. */
  startDashboard(): Promise<void>;
  /** What k6 runs in at the moment: processes or containers. */
  k6AtWork(): Promise<string[]>;
  /** Ends everything. */
  stop(): Promise<void>;
}
