// Asks for the health of the targets, one request an iteration, round and round.

import exec from 'k6/execution';

import { request, think } from './lib/http.js';
import { healthPath, input } from './lib/input.js';
import { scheduled } from './lib/options.js';

export { handleSummary } from './lib/summary.js';

export const options = scheduled({ discardResponseBodies: true });

export default function () {
  const service = input.targets[exec.scenario.iterationInTest % input.targets.length];
  request(service, 'health', healthPath(service));
  think(0.1);
}
