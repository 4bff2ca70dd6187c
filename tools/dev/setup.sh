# ./dev setup and ./dev build. Sourced by ./dev.

# A word "package" or "command:package": the latter is also satisfied by a command of that name,
# however it came (node from another source than Debian's, say).
BUILD_PACKAGES=(g++ cmake ninja-build ccache mold git:git python3 ca-certificates libboost1.81-dev
  libssl-dev libsqlite3-dev libfmt-dev libcli11-dev libtomlplusplus-dev libprotobuf-dev
  protobuf-compiler zlib1g-dev libminizip-dev libseccomp-dev libargon2-dev libedit-dev pkg-config procps iproute2)
TEST_PACKAGES=(curl:curl libgtest-dev googletest python3-pytest node:nodejs npm:npm e2fsprogs clang-19 clang-format-19 clang-tidy-19
  libclang-rt-19-dev llvm-19 openssl:openssl jq:jq python3-requests python3-msal shellcheck systemd-analyze:systemd nginx-light
  haproxy strace chromium)
BENCH_PACKAGES=(nginx-light wrk openssh-server openssh-client openssl:openssl)

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# An alternative can stand for a package: nginx-light is satisfied by any nginx.
satisfied() {
  local word=$1
  case $word in
    *:*) have "${word%%:*}" ;;
    nginx-light) installed nginx-light || have nginx || [ -x /usr/sbin/nginx ] ;;
    *) installed "$word" ;;
  esac
}

# Runs a command while Debian's policy-rc.d says no: nginx, HAProxy and sshd, which tests and
# benchmarks start themselves on loopback, must not begin to serve this machine by being installed.
without_services() {
  local policy=/usr/sbin/policy-rc.d
  if [ -e $policy ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
  as_root chmod 755 $policy
  trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  "$@"
  as_root rm -f $policy
  trap - EXIT
}

setup() {
  local wanted=("${BUILD_PACKAGES[@]}") missing=() word what="building and the demo"
  for word in "$@"; do
    case $word in
      --tests) wanted+=("${TEST_PACKAGES[@]}") what+=", tests" ;;
      --bench) wanted+=("${BENCH_PACKAGES[@]}") what+=", benchmarks" ;;
      *) die "setup: unknown option '$word' (there are --tests and --bench)" ;;
    esac
  done
  have dpkg-query || die "setup knows Debian's packages only; install by hand: ${wanted[*]#*:}"
  for word in "${wanted[@]}"; do
    satisfied "$word" || missing+=("${word#*:}")
  done
  if [ ${#missing[@]} = 0 ]; then
    say "setup: all ${#wanted[@]} packages for $what are there"
  else
    install_packages "$what" "${missing[@]}"
  fi
  if [[ $what == *tests* ]]; then setup_node; fi
}

install_packages() {
  local what=$1
  shift
  say "setup: installing $# Debian packages for $what: $*"
  local log=build/logs/setup.log
  quiet "$log" as_root apt-get update
  without_services quiet "$log" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "$@"
  say "setup: installed"
}

# The tests' packages ask for a newer Node than Debian 12 has; it comes as an npm package, into
# build/, and is seen by the tests only.
NODE_MAJOR=22
NODE_VERSION=22.23.3
node_folder() {
  local major
  major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/' || true)
  if [ "${major:-0}" -ge $NODE_MAJOR ]; then
    dirname "$(command -v node)"
  else
    echo "$PWD/build/node/node_modules/node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')/bin"
  fi
}
setup_node() {
  local folder
  folder=$(node_folder)
  if [ ! -x "$folder/node" ]; then
    say "setup: Node $NODE_VERSION from npm, into build/node"
    quiet build/logs/node.log npm install --prefix build/node --no-save --no-audit --no-fund \
      "$(basename "$(dirname "$folder")")@$NODE_VERSION"
  fi
}

# build [PRESET [TARGET...]]
build() {
  local preset=${1:-release} log jobs
  shift || true
  [ "$preset" = base ] || grep -q "\"name\": \"$preset\", \"inherits\"" CMakePresets.json ||
    die "build: no preset '$preset' in CMakePresets.json (release, debug, asan, tsan, clang, fuzz, fuzz-coverage)"
  have cmake && have ninja || setup
  log=build/logs/$preset
  jobs=${JOBS:-$(nproc)}
  say "build: $preset, $jobs at a time$([ -f "build/$preset/build.ninja" ] || echo ' (the first time takes minutes)')"
  quiet "$log.configure.log" cmake --preset "$preset"
  if [ -t 1 ]; then
    # ninja's one status line, live; its whole output is kept for when it fails
    cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"} ||
      die "the $preset build failed"
  else
    quiet "$log.build.log" cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"}
  fi
  say "build: $preset is up to date in build/$preset/bin"
}

sim() {
  setup --tests
  build sim reachback-sim >&2
  exec build/sim/bin/reachback-sim "$@"
}

bench() {
  setup --bench
  build release
  say "bench: measuring; leave the machine alone meanwhile"
  REACHBACK_BIN=${REACHBACK_BIN:-$PWD/build/release/bin} "$PYTHON" bench/run.py "$@"
}
