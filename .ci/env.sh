# shellcheck shell=bash
# What the scripts here share: versions, places, and words on the terminal. Sourced, never run.

set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repo"

cargo_leptos=0.3.10
# The browser half and its generator must speak the same dialect, so Cargo.lock decides.
wasm_bindgen=$(sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"$/\1/p;}' Cargo.lock)
k6=1.1.0
node_wheel=22.20.0
node_at_least=20

# The program looks for k6 in the same place.
tools=$HOME/.cache/ha-dashboard
mkdir -p "$tools/bin" target

export PATH="$tools/bin:$tools/cargo-leptos-$cargo_leptos/bin:$tools/wasm-bindgen-$wasm_bindgen/bin:$repo/end2end/node_modules/.bin:$HOME/.cargo/bin:$PATH:/usr/sbin"
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

# locked FILE WHAT COMMAND…: one at a time, also between two makes.
locked() {
  local file=$1 what=$2 fd
  shift 2
  exec {fd}>"$file"
  if ! flock -n "$fd"; then
    say "waiting for another make to finish: $what"
    flock "$fd"
  fi
  # A child that outlives us must not keep the lock.
  eval '"$@" '"$fd"'>&-'
  exec {fd}>&-
}

# quietly WHAT COMMAND…: output goes to a log that is shown on failure; a line every 30 s says that it goes on.
quietly() {
  local what=$1 log started told=0 pid status=0
  shift
  started=$SECONDS
  log=$(mktemp "${TMPDIR:-/tmp}/ha-dashboard-XXXXXX.log")
  say "$what …"
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  # shellcheck disable=SC2064
  trap "kill $pid 2>/dev/null; rm -f '$log'; exit 130" INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS - started >= told + 30)); then
      told=$((SECONDS - started))
      say "  … $told s, $(grep -c '' "$log") lines; now: $(tail -n 1 "$log" | tr -d '\r' | cut -c 1-80)"
    fi
    sleep 1
  done
  wait "$pid" || status=$?
  trap - INT TERM
  if [ "$status" != 0 ]; then
    tail -n 60 "$log" >&2
    mv "$log" "$tools/failed.log"
    fail "$what failed with code $status; the whole log is $tools/failed.log"
  fi
  rm -f "$log"
  say "  done after $((SECONDS - started)) s"
}
