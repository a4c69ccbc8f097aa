// Requests that always say which service they went to, and what they did.

import { check, sleep } from 'k6';
import http from 'k6/http';
import { Counter, Rate, Trend } from 'k6/metrics';

import { baseUrl, input, openModel } from './input.js';

// Declared here, so that every script that sends requests has them: k6 refuses thresholds on metrics it doesn't know.
const errors = new Rate('errors');
const apiResponseTime = new Trend('api_response_time', true);
// Of k6's own checks only a share reaches the metrics store while a test runs, and no count.
const checkResults = new Counter('check_results');

/**
 * Sends one request and checks its answer.
 *
 * @param {string} service the service's name, also the tag `service`
 * @param {string} name what the request does, the tag `name`; never with ids in it
 * @param {string} path from the base address on, for example `/products/1`
 * @param {object} [how] `method` (GET), `body` (sent as JSON), `status` (200), `slowAfterMs` (a check on time; 500)
 * @returns k6's response
 */
export function request(service, name, path, how = {}) {
  const { method = 'GET', body, status = 200, slowAfterMs = 500 } = how;
  const tags = { name, service };
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const payload = body === undefined ? null : JSON.stringify(body);
  const params = { headers, tags, timeout: `${input.request_timeout_s}s` };
  const response = http.request(method, `${baseUrl(service)}/${path.replace(/^\/+/, '')}`, payload, params);

  const asExpected = response.status === status;
  errors.add(!asExpected, tags);
  // Without an answer there is no time that it took.
  if (response.status !== 0) apiResponseTime.add(response.timings.duration, tags);
  const inTime = asExpected && response.timings.duration < slowAfterMs;
  for (const [name, holds] of [
    [`status is ${status}`, asExpected],
    [`answered within ${slowAfterMs} ms`, inTime],
  ]) {
    check(response, { [name]: holds }, tags);
    checkResults.add(1, { check: name, result: holds ? 'pass' : 'fail' });
  }
  return response;
}

/** A response's JSON; `undefined` where there is none. */
export function json(response) {
  try {
    return response.json();
  } catch {
    return undefined;
  }
}

/** A pause as people make it. Not in an open model, whose rate decides when iterations start. */
export function think(seconds) {
  if (!openModel) sleep(seconds);
}
