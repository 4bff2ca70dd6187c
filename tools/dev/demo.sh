# ./dev demo: what it must have, then tools/dev/demo.py does the rest. Sourced by ./dev.

demo() {
  say "1/12 what the build needs from Debian"
  setup
  say "2/12 the three programs, release build"
  build release reachback-server reachback-agent reachback
  REACHBACK_DEV_STARTED=$STARTED REACHBACK_BIN=${REACHBACK_BIN:-$PWD/build/release/bin} \
    exec "$PYTHON" tools/dev/demo.py "$@"
}
