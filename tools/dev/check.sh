# ./dev check and ./dev fmt: everything that needs no build. Sourced by ./dev.

CLANG_FORMAT=${CLANG_FORMAT:-clang-format-19}
LONG_FILE_LINES=400

cpp_files() {
  our_files 'src/*.cc' 'src/*.h' 'apps/*.cc' 'tests/*.cc' 'tests/*.h' 'bench/*.cc' 'fuzz/*.cc' 'fuzz/*.h'
}
script_files() {
  our_files '*.sh'
  printf '%s\n' dev .ci/run
}

format() {
  have "$CLANG_FORMAT" || die "fmt: $CLANG_FORMAT is not there; ./dev setup --tests installs it"
  cpp_files | xargs --no-run-if-empty "$CLANG_FORMAT" -i
}

FAILED=0
# step NAME COMMAND...: one line, and the command's output only if it fails.
step() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf '  ok      %s\n' "$name"
  else
    printf '  FAILED  %s\n%s\n' "$name" "$(head -n 25 <<<"$output" | sed 's/^/          /')"
    FAILED=1
  fi
}
not_run() { printf '  not run %s (%s)\n' "$1" "$2"; }

no_todo_now() { ! git grep -nI --untracked 'TODO(now)' -- src apps tests bench tools scripts api ':!tools/dev/check.sh'; }
# Plain locks say nothing of what they guard; tests may have them.
one_way_to_lock() {
  ! git grep -nIE --untracked 'std::(recursive_|shared_|timed_|recursive_timed_|shared_timed_)?mutex|std::condition_variable' \
    -- src apps ':!src/base/mutex.h' ':!*_test.cc'
}
bash_syntax() { script_files | while read -r file; do bash -n "$file" || exit 1; done; }
shell_lint() { script_files | xargs shellcheck --severity=warning --shell=bash --exclude=SC1091; }
python_syntax() {
  our_files '*.py' | xargs "$PYTHON" -c 'import sys
for path in sys.argv[1:]:
    compile(open(path, encoding="utf-8").read(), path, "exec")'
}
data_files() {
  our_files 'api/*.json' 'tests/*.json' 'CMakePresets.json' | "$PYTHON" -c 'import json, sys
for path in sys.stdin.read().split():
    try:
        json.load(open(path, encoding="utf-8"))
    except ValueError as error:
        sys.exit(f"{path}: {error}")'
}
schema() { our_files 'api/*.proto' | xargs protoc -Iapi --descriptor_set_out=/dev/null; }
formatted() { cpp_files | xargs --no-run-if-empty "$CLANG_FORMAT" --dry-run -Werror; }

check() {
  step "layers: who includes whom (tools/layers.toml)" "$PYTHON" tools/check_layers.py
  step "failpoints: tests/e2e/failpoints.txt names all of them" "$PYTHON" tools/check_failpoints.py
  step "assurance: every test that ASSURANCE.md names is there" "$PYTHON" tools/check_assurance.py
  step "bad input: every case of docs/bad-input.md has its answer and its test" "$PYTHON" tools/check_bad_input.py
  step "API: api/openapi.json and \$metadata say what is served" "$PYTHON" tools/check_openapi.py
  step "documents: every relative link leads somewhere" "$PYTHON" tools/check_links.py
  step "no TODO(now)" no_todo_now
  step "locks: those of base/mutex.h and no others" one_way_to_lock
  step "scripts: bash -n" bash_syntax
  step "scripts: Python syntax" python_syntax
  step "data: JSON files" data_files
  if have protoc; then step "schema: api/*.proto" schema; else not_run "schema" "no protoc"; fi
  if have shellcheck; then step "scripts: shellcheck" shell_lint; else not_run "shellcheck" "not installed"; fi
  if have "$CLANG_FORMAT"; then
    step "layout: $CLANG_FORMAT" formatted
  else
    not_run "layout" "no $CLANG_FORMAT"
  fi
  local file lines
  while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le $LONG_FILE_LINES ] || printf '  note    %s has %d lines: is it one thing?\n' "$file" "$lines"
  done < <(our_files 'src/*.cc' 'src/*.h' 'apps/*.cc' '*.py' '*.sh')
  [ $FAILED = 0 ] || die "check: something above failed"
}
