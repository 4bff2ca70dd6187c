# ./dev console: builds, tries and tests the web console. Sourced by ./dev.

CONSOLE_LOGS=build/logs/console
CONSOLE_RESULTS=build/test-results

# in_console COMMAND...: in console/, with the Node that its packages ask for.
in_console() { (PATH=$(node_folder):$PATH && cd console && "$@"); }

console_packages() {
  setup_node
  if [ console/node_modules/.package-lock.json -ot console/package-lock.json ]; then
    say "console: its packages, as console/package-lock.json says"
    quiet "$CONSOLE_LOGS.npm.log" in_console npm ci --no-audit --no-fund
  fi
}

console_build() {
  console_packages
  say "console: build"
  quiet "$CONSOLE_LOGS.build.log" in_console npm run build
  say "console: built into console/dist"
}

# The programs that it is tried and tested with: $REACHBACK_BIN, else a build that is there.
console_programs() {
  if [ -z "${REACHBACK_BIN:-}" ] && ! ls build/*/bin/reachback-server >/dev/null 2>&1; then
    build release
  fi
}

# Its two suites, for ./dev test and for ./dev console test.
console_suites() {
  local results=$PWD/$CONSOLE_RESULTS
  suite "console, units" pytest "$results/console-unit.xml" "$results/console-unit.log" \
    in_console npx vitest run --reporter=default --reporter=junit --outputFile.junit="$results/console-unit.xml"
  REACHBACK_JUNIT=$results/console-browser.xml \
    suite "console, browser" pytest "$results/console-browser.xml" "$results/console-browser.log" \
    in_console npx playwright test
}

console_test() {
  source tools/dev/test.sh
  mkdir -p "$CONSOLE_RESULTS"
  rm -f "$CONSOLE_RESULTS"/console-* "$SUITES"
  setup --tests
  console_programs
  console_build
  console_suites
  "$PYTHON" tools/count_tests.py "$SUITES"
}

console() {
  local what=${1:-}
  shift || true
  case $what in
    build) console_build ;;
    test) console_test ;;
    try)
      console_programs
      console_build
      in_console npm run try -- "$@"
      ;;
    screenshots)
      console_programs
      console_build
      REACHBACK_SCREENSHOTS=${1:-$PWD/docs/screenshots} in_console npx playwright test screenshots
      ;;
    *) die "console: say build, test, try or screenshots" ;;
  esac
}
