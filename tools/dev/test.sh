# ./dev test: builds, runs every suite, counts. Sourced by ./dev. A suite that could not run or ran
# nothing counts as one failure, so that nothing passes by absence.

RESULTS=build/test-results
SUITES=$RESULTS/suites.tsv

# suite NAME KIND REPORT LOG COMMAND...: runs it, notes its exit status; tools/count_tests.py reads
# REPORT. KIND: ctest, pytest or tap.
suite() {
  local name=$1 kind=$2 report=$3 log=$4 code=0
  shift 4
  say "test: $name"
  mkdir -p "$(dirname "$log")"
  if [ -t 1 ] && [ "$kind" = pytest ]; then
    "$@" 2>&1 | tee "$log" || code=$?
  else
    "$@" >"$log" 2>&1 || code=$?
  fi
  [ $code = 0 ] || { warn "$name ended with $code; the end of $log:" && tail -n 80 "$log" >&2; }
  printf '%s\t%s\t%s\t%s\n' "$name" "$kind" "$report" "$code" >>"$SUITES"
}

# unit_tests PRESET [CTEST OPTION...]
unit_tests() {
  local preset=$1
  shift
  rm -rf "build/$preset/test-results"
  # Leaks are errors; so is any finding of UBSan. The tests' own folders go to the build tree.
  ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 \
    suite "unit and conformance ($preset)" ctest "build/$preset" "$RESULTS/unit-$preset.log" \
    ctest --test-dir "build/$preset" --output-on-failure --parallel "$(nproc)" --timeout 300 \
    --output-junit "$PWD/build/$preset/test-results/ctest-junit.xml" "$@"
}

python_tests() {
  suite "tools and scripts" pytest "$RESULTS/tools.xml" "$RESULTS/tools.log" \
    "$PYTHON" -m pytest -q -p no:cacheprovider --junitxml "$RESULTS/tools.xml" tools scripts packaging \
    tests/conformance/runner
}

e2e_tests() {
  REACHBACK_BIN=$PWD/build/asan/bin REACHBACK_RELEASE_BIN=$PWD/build/release/bin \
    suite "end to end (asan, release)" pytest "$RESULTS/e2e.xml" "$RESULTS/e2e.log" \
    "$PYTHON" -m pytest -v -p no:cacheprovider --junitxml "$RESULTS/e2e.xml" tests/e2e
}

# The cases of MDE's API against a server and an agent of ours; its runner is tested with the tools.
conformance_tests() {
  REACHBACK_BIN=$PWD/build/asan/bin \
    suite "conformance (asan)" pytest "$RESULTS/conformance.xml" "$RESULTS/conformance.log" \
    "$PYTHON" -m pytest -q -p no:cacheprovider --junitxml "$RESULTS/conformance.xml" \
    tests/conformance/test_mde.py
}

chaos_tests() {
  REACHBACK_BIN=$PWD/build/asan/bin \
    suite "chaos, a short run (asan)" pytest "$RESULTS/chaos.xml" "$RESULTS/chaos.log" \
    "$PYTHON" -m pytest -v -p no:cacheprovider --junitxml "$RESULTS/chaos.xml" tests/chaos
}

# What has threads, on the ThreadSanitizer build. A finding does not end a program there and then, so
# that one run tells of all; it ends with 66. The simulator is one thread: its ten worlds in `sim`
# suffice. The end-to-end tests find findings in the logs; those that measure the release build have
# nothing to measure here.
tsan_tests() {
  local -x TSAN_OPTIONS="halt_on_error=0:exitcode=66:second_deadlock_stack=1"
  local -x REACHBACK_TEST_TIMEOUT_S=900
  build tsan
  unit_tests tsan --timeout 1800 --exclude-regex '^sim_(seeds|variants)'
  REACHBACK_BIN=$PWD/build/tsan/bin REACHBACK_RELEASE_BIN=/nonexistent \
    suite "end to end (tsan)" pytest "$RESULTS/e2e-tsan.xml" "$RESULTS/e2e-tsan.log" \
    "$PYTHON" -m pytest -v -p no:cacheprovider --junitxml "$RESULTS/e2e-tsan.xml" tests/e2e
}

# One folder of node tests: its packages as the lock file says, then node's own test runner. A
# failing npm ci is a failing suite.
node_tests() {
  local folder=$1 name
  name=$(basename "$folder")
  PATH=$(node_folder):$PATH REACHBACK_BIN=$PWD/build/asan/bin \
    suite "$name (node)" tap "$RESULTS/$name.log" "$RESULTS/$name.log" bash -c 'cd "$1" || exit
      if [ node_modules/.package-lock.json -ot package-lock.json ]; then
        npm ci --no-audit --no-fund || exit
      fi
      exec node --test --test-reporter=tap' - "$folder"
}

# Every fuzz target for ten seconds, as many at a time as there are cores; chance from one seed, so that
# what a change did not break is not found here first.
fuzz_tests() {
  build fuzz
  suite "fuzz targets, 10 s each" pytest "$RESULTS/fuzz.xml" "$RESULTS/fuzz.log" \
    "$PYTHON" tools/fuzz.py run --seconds 10 --seed 1 --report "$RESULTS/fuzz.xml"
}

run_tests() {
  local kind=all word folder
  for word in "$@"; do
    case $word in
      --fast | --tsan) kind=${word#--} ;;
      *) die "test: unknown option '$word' (there are --fast and --tsan)" ;;
    esac
  done
  mkdir -p "$RESULTS"
  rm -f "$RESULTS"/*.xml "$RESULTS"/*.log "$SUITES"
  setup --tests
  say "check"
  local checked=0
  (source tools/dev/check.sh && check) || checked=1
  if [ "$kind" = tsan ]; then
    tsan_tests
  elif [ "$kind" = fast ]; then
    build debug
    unit_tests debug
    python_tests
  else
    build asan
    build release
    unit_tests asan
    python_tests
    fuzz_tests
    e2e_tests
    conformance_tests
    chaos_tests
    for folder in tests/interop*/; do
      if [ -f "$folder/package.json" ]; then node_tests "${folder%/}"; fi
    done
    source tools/dev/console.sh
    console_build
    console_suites
  fi
  say "test: done"
  CHECK_FAILED=$checked "$PYTHON" tools/count_tests.py "$SUITES"
}
