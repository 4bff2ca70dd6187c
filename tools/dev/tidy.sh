# ./dev tidy: clang-tidy over the product's code; .clang-tidy says which checks, and why not the
# others. Sourced by ./dev.

CLANG_TIDY=${CLANG_TIDY:-clang-tidy-19}
TIDY_LOGS=build/logs/tidy

product_files() { our_files 'src/*.cc' 'apps/*.cc' | grep -v -e '_test\.cc$' -e '^src/testing/'; }

# tidy [FILE...]: all product files without one. Two at a time: each holds half a gigabyte.
tidy() {
  have "$CLANG_TIDY" || die "tidy: $CLANG_TIDY is not there; ./dev setup --tests installs it"
  local files=("$@") failed=0 findings
  [ $# != 0 ] || mapfile -t files < <(product_files)
  build clang rb_agent_pb # the generated headers
  rm -rf $TIDY_LOGS
  mkdir -p $TIDY_LOGS
  say "tidy: ${#files[@]} files"
  # shellcheck disable=SC2016 # the inner shell's words
  printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P 2 bash -c '
    log=$1/${3//\//_}
    "$2" -p build/clang --quiet "$3" >"$log.log" 2>"$log.errors"' tidy $TIDY_LOGS "$CLANG_TIDY" ||
    failed=1
  # A finding in a header comes once for each file that includes it.
  findings=$(cat $TIDY_LOGS/*.log | grep -E '^/.*: (error|warning): ' | sort -u || true)
  if [ -n "$findings" ]; then
    printf '%s\n' "${findings//$PWD\//}"
    die "tidy: $(wc -l <<<"$findings") findings (the ways there are in $TIDY_LOGS)"
  fi
  [ $failed = 0 ] || die "tidy: $CLANG_TIDY failed: $(cat $TIDY_LOGS/*.errors | grep -v 'warnings generated' | head -n 3)"
  say "tidy: 0 findings in ${#files[@]} files"
}
