# Sourced by the scripts of this folder: says things, and runs long commands so that Ctrl-C ends all of them.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cores=$(nproc 2>/dev/null || echo 2)

# One line about what happens now, with the minutes and seconds since the script started.
say() { printf '[%02d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# The process that `run` waits for leads its own process group.
child=
end_child() {
  [[ -n $child ]] || return 0
  end_group "$child"
  child=
}
# end_group PID: asks the whole group, waits for it up to 20 s, then kills what is left.
end_group() {
  local tenths=0
  kill -TERM -- "-$1" 2>/dev/null || return 0
  while kill -0 -- "-$1" 2>/dev/null; do
    if ((++tenths > 200)); then
      kill -KILL -- "-$1" 2>/dev/null || true
      break
    fi
    sleep 0.1
  done
}
trap 'end_child' EXIT
stop_on() {  # SIGNAL NUMBER
  trap "echo 'stopped by SIG$1' >&2; exit $((128 + $2))" "$1"
}
stop_on INT 2
stop_on TERM 15
stop_on HUP 1

# run COMMAND...: waits for it, and ends what it left behind in its group. Bash would hold back a signal until a
# plain command ends; a wait ends at once.
run() {
  local status=0
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  wait "$child" || status=$?
  end_child
  return $status
}

# Of Ninja's progress, a line every ten seconds; everything else passes.
build_progress() {
  local line next=$((SECONDS + 10))
  while IFS= read -r line; do
    if [[ $line =~ ^\[[0-9]+/[0-9]+\] ]]; then
      ((SECONDS < next)) && continue
      next=$((SECONDS + 10))
    fi
    printf '%s\n' "$line"
  done
}

# configure PRESET [-DNAME=VALUE...]: quiet unless it fails.
configure() {
  local preset=$1 log=$root/build/$1-configure.log
  shift
  mkdir -p "$root/build"
  if ! run cmake -S "$root" --preset "$preset" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    die "configuring failed (preset $preset)"
  fi
}

plain_build() { cmake --build "$@" | build_progress; }

# build PRESET JOBS [TARGET...]
build() {
  local preset=$1 jobs=$2
  shift 2
  local command=(cmake --build)
  [[ -t 1 ]] || command=(plain_build)
  run "${command[@]}" --preset "$preset" -j "$jobs" ${1:+--target "$@"} ||
    die "the build failed (preset $preset)"
}
