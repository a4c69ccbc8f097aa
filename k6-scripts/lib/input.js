// What the dashboard tells a script: one JSON value in HAD_INPUT, or in the file that HAD_INPUT_FILE names (`ScriptInput`
// in src/domain/script.rs).

// For `k6 run` by hand: against the demo services, or those that HAD_SERVICES names (name=url,name=url).
const BY_HAND = {
  schedule: {
    executor: 'ramping-vus',
    pre_allocated_vus: 2,
    max_vus: 2,
    phases: [
      { name: 'ramp-up', duration_s: 2, target: 2 },
      { name: 'hold', duration_s: 6, target: 2 },
      { name: 'ramp-down', duration_s: 2, target: 0 },
    ],
  },
  thresholds: {},
  grace_s: 3,
  request_timeout_s: 3,
};
const DEMO_SERVICES =
  'product-service=http://127.0.0.1:8080,user-service=http://127.0.0.1:8081,checkout-service=http://127.0.0.1:8082';

export const input = read();

/** Whether iterations start at a rate of their own (open model), whatever earlier ones do. */
export const openModel = input.schedule !== null && input.schedule.executor === 'ramping-arrival-rate';

/** Whether load goes to a service. */
export function targeted(service) {
  return input.targets.includes(service);
}

/** A service's base address, without a trailing slash. */
export function baseUrl(service) {
  const found = input.services.find(({ name }) => name === service);
  if (!found) {
    const names = input.services.map(({ name }) => name).join(', ');
    throw new Error(`the service ${JSON.stringify(service)} is not configured, use one of ${names}`);
  }
  return found.url.replace(/\/+$/, '');
}

/** Where a service tells its health: the path that the dashboard asks, too. */
export function healthPath(service) {
  return input.services.find(({ name }) => name === service)?.health_path ?? '/health';
}

function byHand() {
  const services = (__ENV.HAD_SERVICES || DEMO_SERVICES).split(',').map((pair) => {
    const [, name, url] = /^\s*([a-z0-9-]+)=(https?:\/\/\S+)\s*$/.exec(pair) || [];
    if (!name) throw new Error(`HAD_SERVICES must be name=url,name=url, but has ${JSON.stringify(pair)}`);
    return { name, url };
  });
  return { ...BY_HAND, services, targets: services.map(({ name }) => name) };
}

function read() {
  const file = __ENV.HAD_INPUT_FILE;
  const text = file ? open(file) : __ENV.HAD_INPUT;
  if (!text) return byHand();
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`HAD_INPUT must be JSON: ${error.message}`);
  }
  for (const [key, fits] of [
    ['schedule', (v) => v === null || (typeof v === 'object' && Array.isArray(v.phases))],
    ['thresholds', (v) => v !== null && typeof v === 'object'],
    ['services', Array.isArray],
    ['targets', (v) => Array.isArray(v) && v.length > 0],
    ['grace_s', Number.isInteger],
    ['request_timeout_s', Number.isInteger],
  ]) {
    if (value === null || !fits(value[key])) throw new Error(`HAD_INPUT has no usable ${JSON.stringify(key)}`);
  }
  return value;
}
