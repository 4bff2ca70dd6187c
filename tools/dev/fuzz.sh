# ./dev fuzz: builds the targets, then tools/fuzz.py runs them. Sourced by ./dev.

fuzz() {
  local what=run word options=()
  for word in "$@"; do
    case $word in
      --coverage) what=coverage ;;
      --merge) what=merge ;;
      *) options+=("$word") ;;
    esac
  done
  if [ ${#options[@]} = 0 ] && [ $what = run ]; then
    die "fuzz: name a target or say --all; there are $(grep -o '^[a-z_]*' fuzz/targets.txt | xargs)"
  fi
  setup --tests
  case $what in
    coverage) build fuzz-coverage ;;
    *) build fuzz ;;
  esac
  "$PYTHON" tools/fuzz.py $what "${options[@]}"
}
