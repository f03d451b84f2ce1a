# shellcheck shell=bash
# Sourced by ./test.

# step NAME COMMAND...: runs COMMAND, tells every half minute where it is, and shows its output only if it fails.
# Ends the script with COMMAND's status then.
step() {
  local name=$1 started=$SECONDS status=0 log command ticker
  shift
  log=$(mktemp)
  echo "$name ..."
  "$@" >"$log" 2>&1 &
  command=$!
  while sleep 30; do echo "$name: $(elapsed $((SECONDS - started))): $(tail -n 1 "$log" | cut -c 1-100)"; done &
  ticker=$!
  # shellcheck disable=SC2064 # these very processes
  trap "kill $command $ticker 2>/dev/null; rm -f '$log'" EXIT
  wait "$command" || status=$?
  kill "$ticker"
  wait "$ticker" 2>/dev/null || true
  if [ "$status" -ne 0 ]; then
    cat "$log"
    echo "$name: failed with status $status, after $(elapsed $((SECONDS - started)))." >&2
    exit "$status"
  fi
  rm -f "$log"
  trap - EXIT
  echo "$name: passed, $(elapsed $((SECONDS - started)))"
}

# elapsed SECONDS: as minutes and seconds.
elapsed() {
  if [ "$1" -lt 60 ]; then echo "$1 s"; else echo "$(($1 / 60)) min $(($1 % 60)) s"; fi
}
