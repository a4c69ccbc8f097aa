#!/bin/sh
# One load test in containers, for a pipeline. Starts the stack of docker-compose.yml without dashboard and Grafana, runs the
# test, leaves junit.xml, report.html and result.json in out/ (or $OUT), and ends with the test's exit code: 0 passed, 99 a
# threshold was crossed; `ha-dashboard run --help` lists the others. Whatever is given is handed to `ha-dashboard run`:
#
#   .ci/examples/load-test.sh --target checkout-service --vus 20 --duration 60s --threshold 'http_req_duration:p(95)<500'
#
# To test services of your own, put their containers on the network ha-dashboard-k6, which k6 can't leave, and name them:
# HAD_SERVICES=shop=http://shop:8080
set -eu
cd "$(dirname "$0")/../.."

# The plugin where it is there, else the older program.
compose() {
  if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

# healthy SERVICE: waits until the service's own check says so; `up --wait` is not there in docker-compose 1.29.
healthy() {
  container=$(compose ps -q "$1")
  tries=120
  until [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ]; then
      compose logs --tail 30 "$1" >&2
      echo "$1 is not healthy" >&2
      exit 3
    fi
    sleep 1
  done
}

out=${OUT:-$PWD/out}
mkdir -p "$out"

# k6 only brings the image along: the test's own k6 runs in a container that is made for it.
compose up -d prometheus docker-gateway k6 stage-gateway
for service in product-service user-service checkout-service; do
  for number in 1 2; do healthy "$service-$number"; done
done
healthy stage-gateway

if [ -n "${HAD_SERVICES:-}" ]; then set -- --services "$HAD_SERVICES" "$@"; fi
# As the caller, so that the files belong to them; and with a state folder of its own, as the dashboard locks its own.
compose run --rm -T --user "$(id -u):$(id -g)" --volume "$out:/out" -e HAD_STATE_DIR=/tmp/load-test dashboard \
  run --junit /out/junit.xml --report /out/report.html --json /out/result.json "$@"
