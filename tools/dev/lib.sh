# Shared by ./dev's parts: how they speak and how they fail. Sourced, not run.

# shellcheck disable=SC2034 # used by those who source this
PYTHON=/usr/bin/python3 # Debian's: a pyenv shim in PATH may hide it, and lacks Debian's pytest
STARTED=${REACHBACK_DEV_STARTED:-$EPOCHREALTIME}

elapsed() { awk -v a="$STARTED" -v b="$EPOCHREALTIME" 'BEGIN { printf "%6.1f", b - a }'; }
say() { printf '[%s s] %s\n' "$(elapsed)" "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf './dev: %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND...: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo: run as root: $*"
  fi
}

# quiet LOGFILE COMMAND...: output goes to LOGFILE, and to the terminal only if the command fails.
quiet() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    die "failed: $* (all of it: $log)"
  fi
}

# Our own source files, tracked or new, one a line.
our_files() { git ls-files --cached --others --exclude-standard -- "$@"; }

# The compiler's cache serves every checkout on the machine: paths below this one do not count.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
