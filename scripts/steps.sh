# shellcheck shell=bash
# Sourced by ./test.

# step NAME COMMAND...: runs COMMAND and prints its last line every half minute. If it fails, prints all its output and
# exits with its status.
step() {
  local name=$1 started=$SECONDS status=0 log ticker
  shift
  log=$(mktemp)
  echo "$name ..."
  tell_progress "$name" "$started" "$log" &
  ticker=$!
  # shellcheck disable=SC2064 # expanded now, for this step
  trap "kill $ticker; rm -f '$log'" EXIT
  "$@" >"$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    cat "$log"
    echo "$name: failed with status $status, after $(elapsed $((SECONDS - started)))." >&2
    exit "$status"
  fi
  trap - EXIT
  kill "$ticker"
  wait "$ticker" 2>/dev/null || true
  awk '/^test result: ok/ { passed += $4; failed += $6 } END { if (passed) print passed " passed, " failed " failed" }' "$log"
  rm -f "$log"
  echo "$name: passed, $(elapsed $((SECONDS - started)))"
}

# sleep must not hold the script's output open: a reader would wait for it up to half a minute after the end.
tell_progress() {
  while sleep 30 >/dev/null 2>&1; do
    echo "$1: $(elapsed $((SECONDS - $2))): $(tail -n 1 "$3" | cut -c 1-100)"
  done
}

# elapsed SECONDS: as minutes and seconds.
elapsed() {
  if [ "$1" -lt 60 ]; then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi
}
