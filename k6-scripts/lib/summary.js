// What k6 says at the end: to the file that HAD_SUMMARY names, or, by hand, in a few lines.

export function handleSummary(data) {
  if (__ENV.HAD_SUMMARY) return { [__ENV.HAD_SUMMARY]: JSON.stringify(data) };
  const value = (metric, name) => data.metrics[metric]?.values?.[name];
  const shown = (number, digits, unit) => (number === undefined ? 'no data' : `${number.toFixed(digits)}${unit}`);
  const failed = value('http_req_failed', 'rate');
  const crossed = Object.entries(data.metrics).flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds)
      .filter(([, { ok }]) => !ok)
      .map(([rule]) => `${metric}:${rule}`),
  );
  const lines = [
    `requests  ${shown(value('http_reqs', 'count'), 0, '')} (${shown(value('http_reqs', 'rate'), 1, '/s')})`,
    `failed    ${shown(failed === undefined ? undefined : failed * 100, 2, ' %')}`,
    `p95       ${shown(value('http_req_duration', 'p(95)'), 1, ' ms')}`,
    `crossed   ${crossed.join(', ') || 'none'}`,
  ];
  return { stdout: `${lines.join('\n')}\n` };
}
