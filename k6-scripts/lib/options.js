// The schedule as k6 options, without any arithmetic: what was planned is what runs.

import { input } from './input.js';

/** Options of a script that takes the dashboard's schedule; `more` adds to them. */
export function scheduled(more = {}) {
  return {
    ...(input.schedule && { scenarios: { schedule: scenario(input.schedule, `${input.grace_s}s`) } }),
    thresholds: input.thresholds,
    summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)'],
    // No url: with ids in the paths every one would be a series of its own. Requests carry `name` instead.
    systemTags: [
      'proto',
      'method',
      'status',
      'name',
      'group',
      'check',
      'error_code',
      'scenario',
      'expected_response',
    ],
    userAgent: 'ha-dashboard',
    ...more,
  };
}

function scenario({ executor, pre_allocated_vus, max_vus, phases }, grace) {
  const stages = phases.map(({ duration_s, target }) => ({ duration: `${duration_s}s`, target }));
  switch (executor) {
    case 'ramping-vus':
      return { executor, startVUs: 0, stages, gracefulRampDown: grace, gracefulStop: grace };
    case 'ramping-arrival-rate':
      return {
        executor,
        startRate: 0,
        timeUnit: '1s',
        stages,
        preAllocatedVUs: pre_allocated_vus,
        maxVUs: max_vus,
        gracefulStop: grace,
      };
    default:
      throw new Error(`the executor ${JSON.stringify(executor)} is neither ramping-vus nor ramping-arrival-rate`);
  }
}
