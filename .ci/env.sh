# shellcheck shell=bash
# What the scripts here share: versions, places, and words on the terminal. Sourced, never run.

set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repo"

cargo_leptos=0.3.10
cargo_mutants=27.1.0
cargo_deny=0.20.2
k6=1.1.0
node_wheel=22.20.0
node_at_least=20

# The program looks for k6 in the same place.
tools=$HOME/.cache/ha-dashboard
mkdir -p "$tools/bin" target

# Named after what it is built from.
schemathesis=$tools/schemathesis-$(sha256sum .ci/schemathesis.txt | cut -c 1-12)
bindgen=$tools/bindgen-$(cat .ci/bindgen/Cargo.{lock,toml} .ci/bindgen/src/main.rs | sha256sum | cut -c 1-12)

export PATH="$tools/bin:$bindgen/bin:$tools/cargo-leptos-$cargo_leptos/bin:$tools/cargo-mutants-$cargo_mutants/bin:$tools/cargo-deny-$cargo_deny/bin:$repo/end2end/node_modules/.bin:$HOME/.cargo/bin:$PATH:/usr/sbin"
if [ -x "$tools/node-$node_wheel/bin/node" ]; then
  export PATH="$tools/node-$node_wheel/bin:$PATH"
fi
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1

say() { printf '%s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND…: runs it as root, through sudo where needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "this needs root and there is no sudo; run as root: $*"
  fi
}

# listens ADDRESS: something takes connections there.
listens() {
  local host=${1%:*}
  host=${host#[}
  (exec 3<>"/dev/tcp/${host%]}/${1##*:}") 2>/dev/null
}

# must_be_free ADDRESS COMMAND
must_be_free() {
  if listens "$1"; then
    fail "something listens on $1 already; end it, or choose another place: HAD_ADDR=127.0.0.1:3001 make $2"
  fi
}

# What these two call sees their local variables, so callers hand over what they need as arguments.

# locked FILE TITLE COMMAND…: one at a time, also between two makes.
locked() {
  local file=$1 title=$2 fd
  shift 2
  exec {fd}>"$file"
  if ! flock -n "$fd"; then
    say "waiting for another make to finish: $title"
    flock "$fd"
  fi
  # A child that outlives us must not keep the lock.
  eval '"$@" '"$fd"'>&-'
  exec {fd}>&-
}

# quietly TITLE COMMAND…: output goes to a log that is shown on failure; a line every 30 s says that it goes on.
quietly() {
  local title=$1 log pid teller status=0 started=$SECONDS
  shift
  log=$(mktemp "${TMPDIR:-/tmp}/ha-dashboard-XXXXXX.log")
  say "$title …"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  tell "$log" &
  teller=$!
  # shellcheck disable=SC2064
  trap "kill $pid $teller 2>/dev/null; rm -f '$log'; exit 130" INT TERM
  wait "$pid" || status=$?
  kill "$teller" 2>/dev/null || true
  wait "$teller" 2>/dev/null || true
  trap - INT TERM
  if [ "$status" != 0 ]; then
    tail -n 60 "$log" >&2
    mv "$log" "$tools/failed.log"
    fail "$title failed with code $status; the whole log is $tools/failed.log"
  fi
  rm -f "$log"
  say "  done after $((SECONDS - started)) s"
}

# Reads with a time-out from a pipe that says nothing, because a killed shell would leave a sleep behind.
tell() {
  local told=0 silence
  exec {silence}<> <(:)
  while ! read -r -t 30 -u "$silence"; do
    told=$((told + 30))
    say "  … $told s, $(grep -c '' "$1") lines; now: $(tail -n 1 "$1" | tr -d '\r' | cut -c 1-80)"
  done
}
