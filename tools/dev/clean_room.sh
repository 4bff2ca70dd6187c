# ./dev clean-room: the README's two commands, as a newcomer types them, in a fresh Debian 12 root.
# Needs root (chroot, mounts in a namespace of their own). Sourced by ./dev.

clean_room() {
  local commands=("./dev demo" "./dev test") root mirror code=0 command
  case ${1:-} in
    --demo) commands=("./dev demo") ;;
    "") ;;
    *) die "clean-room: unknown option '$1' (there is --demo)" ;;
  esac
  [ "$(id -u)" = 0 ] || die "clean-room: run as root (it uses chroot)"
  if ! have mmdebstrap; then
    say "clean-room: installing mmdebstrap"
    if ! as_root apt-get install -y --no-install-recommends mmdebstrap >/dev/null 2>&1; then
      printf 'NOT RUN: clean-room (mmdebstrap cannot be installed here)\n'
      return 3
    fi
  fi
  root=$(mktemp -d "${TMPDIR:-/tmp}/reachback-clean-room.XXXXXX")
  # shellcheck disable=SC2064 # now: $root is gone when the trap runs
  trap "rm -rf --one-file-system '$root'" EXIT
  mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
  say "clean-room: a fresh Debian 12 in $root, from $mirror"
  quiet build/logs/clean-room.root.log mmdebstrap --variant=minbase --include=ca-certificates,git \
    bookworm "$root" "$mirror"
  # The network as this machine has it: name resolution, apt's proxy, own certificate authorities.
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
  cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
  cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
  chroot "$root" update-ca-certificates >/dev/null 2>&1 || true
  git clone --quiet --no-hardlinks . "$root/root/reachback"
  [ -z "$(git status --porcelain)" ] || warn "clean-room: what is not committed is not in the clone"
  for command in "${commands[@]}"; do
    say "clean-room: $command"
    # Own mount namespace: /proc, /dev and /sys of the machine, gone when the command ends.
    if ! unshare --mount --fork bash -c '
      set -eu
      mount -t proc proc "$1/proc"
      mount --rbind /dev "$1/dev"
      mount --rbind /sys "$1/sys"
      exec chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
        LANG=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${npm_config_registry:+npm_config_registry="$npm_config_registry"} \
        bash -c "cd /root/reachback && $2"' - "$root" "$command"; then
      warn "clean-room: '$command' failed in the fresh root"
      code=1
    fi
  done
  [ $code = 0 ] && say "clean-room: ${commands[*]/%/ ok;}"
  return $code
}
