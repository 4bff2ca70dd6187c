# ./dev chaos: builds the programs with test hooks, then tests/chaos/run.py. Sourced by ./dev.

CHAOS_TARGETS=(reachback-server reachback-agent reachback-sim chaos_steps)

chaos() {
  setup --tests
  build sim "${CHAOS_TARGETS[@]}" >&2
  # Loop file systems need root; without it full disks are named as not run.
  REACHBACK_BIN=${REACHBACK_BIN:-$PWD/build/sim/bin} "$PYTHON" tests/chaos/run.py "$@"
}
