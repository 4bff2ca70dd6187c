#!/bin/bash
# Linux triage: what a responder wants to know first about a machine, in a readable page.
# Reads only. Bounded in time and output; needs bash and coreutils, uses ps and ss where they are
# and /proc where they are not. Always ends with 0: a section that cannot be read says so.
#
#   triage.sh [--days N] [--section NAME]...     sections: host processes sockets users
#                                                persistence files modules
# --days N: "recently" means the last N days (default 7).

export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 077
set -uf # no unset variables, no globbing except where a section asks for it

readonly LINES_MAX=200   # of one listing
readonly WIDTH_MAX=240   # of one line
readonly FIND_SECONDS=4  # for one search of the file system
readonly ALL_SECTIONS="host processes sockets users persistence files modules"

days=7
sections=""

usage() {
  echo "usage: triage.sh [--days N] [--section NAME]...   sections: $ALL_SECTIONS"
}

while [ $# -gt 0 ]; do
  case $1 in
    --days)
      if [[ ! ${2:-} =~ ^[0-9]{1,4}$ ]]; then
        usage
        echo "--days takes a number of days, not '${2:-}'"
        exit 2
      fi
      days=$((10#$2))
      shift 2
      ;;
    --section)
      if [[ " $ALL_SECTIONS " != *" ${2:-} "* || -z ${2:-} ]]; then
        usage
        echo "--section: there is no section '${2:-}'"
        exit 2
      fi
      sections+=" $2"
      shift 2
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage
      echo "unknown argument '$1'"
      exit 2
      ;;
  esac
done
sections=${sections:-$ALL_SECTIONS}

# Names come from whoever owns the file or process: control characters and bytes that are not text
# are shown as \ooo, long lines are cut, long listings end with a note.
# shellcheck disable=SC2016 # awk's own $
readonly CLEAN='
  BEGIN { for (i = 1; i < 256; i++) if (i < 32 || i == 127) code[sprintf("%c", i)] = sprintf("\\%03o", i) }
  {
    if (shown++ >= max) { more++; next }
    if ($0 ~ /[\001-\037\177]/) {
      out = ""
      n = length($0)
      for (i = 1; i <= n; i++) { c = substr($0, i, 1); out = out ((c in code) && c != "\t" ? code[c] : c) }
      $0 = out
    }
    print (length($0) > width) ? substr($0, 1, width) " ..." : $0
  }
  END { if (more) print "  ... and " more " more" }'
clean() { tr '\000' ' ' | awk -v max="${1:-$LINES_MAX}" -v width="$WIDTH_MAX" "$CLEAN"; }

heading() { printf '\n== %s ==\n' "$1"; }
sub() { printf '\n-- %s\n' "$1"; }
none_if_empty() { awk -v text="${1:-none}" '{ print } END { if (!NR) print "  (" text ")" }'; }
have() { command -v "$1" >/dev/null 2>&1; }
# bounded COMMAND...: low priority and a time limit; says so when the limit cut it short.
bounded() {
  local code=0
  nice -n 10 timeout -k 1 "$FIND_SECONDS" "$@" 2>/dev/null || code=$?
  [ "$code" -ne 124 ] || echo "  (cut short after $FIND_SECONDS s: not everything was looked at)"
}

# search KEY FIND-ARGUMENTS...: find, bounded. Every -printf of it ends in \\0, so that a name with a
# line break in it cannot pass for a line of ours. KEY: what stands before the text, to be sorted by.
search() {
  local key=$1 code=0
  shift
  {
    nice -n 10 timeout -k 1 "$FIND_SECONDS" find "$@" 2>/dev/null || code=$?
    [ "$code" -ne 124 ] || printf '%s  (cut short after %s s: not everything was looked at)\0' "$key" "$FIND_SECONDS"
  } | tr '\n\000' '?\n'
}
# Folders of programs, each once: /bin is /usr/bin on a merged system.
program_folders() {
  local folder
  for folder in /bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin; do
    readlink -e "$folder"
  done | sort -u
}

# ---------------------------------------------------------------------------------------- host
section_host() {
  heading "HOST"
  local key value up
  {
    printf 'name\t%s\n' "$(uname -n)"
    printf 'kernel\t%s\n' "$(uname -srm)"
    while IFS='=' read -r key value; do
      [ "$key" = PRETTY_NAME ] && printf 'system\t%s\n' "${value//\"/}"
    done </etc/os-release 2>/dev/null
    printf 'time\t%s\n' "$(date -u '+%Y-%m-%dT%H:%M:%SZ')"
    read -r up _ </proc/uptime
    up=${up%%.*}
    printf 'up since\t%s (%dd %dh %dm)\n' "$(date -u -d "@$(($(date +%s) - up))" '+%Y-%m-%dT%H:%M:%SZ')" \
      $((up / 86400)) $((up % 86400 / 3600)) $((up % 3600 / 60))
    printf 'processors\t%s, load %s\n' "$(grep -c '^processor' /proc/cpuinfo)" \
      "$(cut -d' ' -f1-3 /proc/loadavg)"
    awk '/^MemTotal|^MemAvailable/ { printf "%s\t%d MiB\n", tolower(substr($1, 1, length($1) - 1)), $2 / 1024 }' \
      /proc/meminfo
    printf 'running as\t%s\n' "$(id -un 2>/dev/null || id -u)"
    [ -r /etc/machine-id ] && printf 'machine id\t%s\n' "$(head -c 64 /etc/machine-id)"
  } | awk -F'\t' '{ printf "  %-14s %s\n", $1, $2 }' | clean
  sub "addresses"
  if have ip; then
    ip -o addr show 2>/dev/null | awk '{ printf "  %-12s %s\n", $2, $4 }' | clean 40 | none_if_empty
  else
    awk '/32 host/ { print "  " last } { last = $2 }' /proc/net/fib_trie 2>/dev/null | sort -u |
      clean 40 | none_if_empty "no ip command, and /proc/net/fib_trie says nothing"
  fi
  sub "file systems, fullest first"
  bounded df -PT -x tmpfs -x devtmpfs -x overlay -x squashfs |
    awk 'NR > 1 { printf "  %4s of %8.1f GiB  %-8s %s\n", $6, $3 / 1048576, $2, $7 }' |
    sort -rn | clean 15 | none_if_empty
}

# ----------------------------------------------------------------------------------- processes
# One line for each process: pid, parent, user id, state, start (s since boot), executable, command.
# All of it from /proc, in this shell: no process is started for a process.
process_table() {
  local dir pid stat rest fields uid line exe cmd words
  set +f
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/}
    { IFS= read -r stat <"$dir/stat"; } 2>/dev/null || continue
    rest=${stat##*) } # after "pid (name) ": the name may hold blanks and parentheses
    read -ra fields <<<"$rest"
    uid='?'
    while read -r line; do
      case $line in
        Uid:*)
          read -r _ uid _ <<<"$line"
          break
          ;;
      esac
    done 2>/dev/null <"$dir/status"
    exe=${exe_of[$pid]:-}
    words=()
    { mapfile -d '' -t -n 40 words <"$dir/cmdline"; } 2>/dev/null
    cmd=${words[*]}
    if [ -z "$cmd" ]; then
      rest=${stat#*(}
      cmd="[${rest%)*}]"
    fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$pid" "${fields[1]}" "$uid" "${fields[0]}" \
      "$((${fields[19]:-0} / ticks))" "${exe//[$'\t\n']/?}" "${cmd//[$'\t\n']/ }"
  done
  set -f
}

section_processes() {
  heading "PROCESSES"
  local ticks users table dir link
  declare -A exe_of=()
  ticks=$(getconf CLK_TCK 2>/dev/null || echo 100)
  # readlink for all at once; a kernel thread has none, another user's is refused without root
  while read -r -d '' dir && IFS= read -r -d '' link; do
    exe_of[${dir//[!0-9]/}]=$link
  done < <(
    set +f
    nice -n 10 timeout -k 1 "$FIND_SECONDS" find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -type l \
      -printf '%h\0%l\0' 2>/dev/null
  )
  users=$(cut -d: -f1,3 /etc/passwd 2>/dev/null)
  table=$(process_table)

  sub "to look at: executable deleted, or running from a folder that anyone may write"
  awk -F'\t' '
    $6 ~ / \(deleted\)$/ { why = "DELETED" }
    $6 ~ /^\/(tmp|var\/tmp|dev\/shm|run\/user)\// { why = why (why ? "," : "") "TMP" }
    $6 ~ /^\/memfd:/ { why = why (why ? "," : "") "MEMORY-ONLY" }
    why { printf "  %-20s pid %-7s uid %-6s %s   [%s]\n", why, $1, $3, $6, $7; why = "" }' <<<"$table" |
    clean | none_if_empty

  sub "all, children below their parents ($(wc -l <<<"$table") processes; kernel threads left out)"
  awk -F'\t' -v users="$users" '
    BEGIN { n = split(users, rows, "\n"); for (i = 1; i <= n; i++) { split(rows[i], f, ":"); name[f[2]] = f[1] } }
    { parent[$1] = $2; line[$1] = $0; order[NR] = $1; kids[$2] = kids[$2] " " $1 }
    function show(pid, depth,   f, list, k, count, pad) {
      split(line[pid], f, "\t")
      if (pid == 2 || (f[6] == "" && f[7] ~ /^\[/ && f[2] <= 2 && pid != 1)) return
      pad = sprintf("%" (depth > 20 ? 40 : 2 * depth) "s", "")
      printf "  %7s %-10s %s %s%s\n", pid, (f[3] in name) ? name[f[3]] : f[3], f[4], pad, f[7]
      shown[pid] = 1
      count = split(kids[pid], list, " ")
      for (k = 1; k <= count; k++) if (!(list[k] in shown) && depth < 60) show(list[k], depth + 1)
    }
    END {
      printf "  %7s %-10s S COMMAND\n", "PID", "USER"
      for (i = 1; i <= NR; i++) if (!(parent[order[i]] in line)) show(order[i], 0)
    }' <<<"$table" | clean 400
}

# ------------------------------------------------------------------------------------- sockets
# Which process holds which socket inode: "inode pid name", from /proc/*/fd.
socket_owners() {
  set +f
  search '' /proc -maxdepth 3 -path '/proc/[0-9]*/fd/*' -lname 'socket:*' -printf '%h %l\0' |
    awk '{ pid = $1; gsub(/[^0-9]/, "", pid); inode = $2; gsub(/[^0-9]/, "", inode)
           if (!(pid in name)) { f = "/proc/" pid "/comm"; name[pid] = "?"; getline name[pid] < f; close(f) }
           print inode, pid, name[pid] }'
  set -f
}

# /proc/net/* gives addresses as hexadecimal words in the machine's byte order (little-endian here).
listening_from_proc() {
  awk -v owners="$(socket_owners)" '
    function hex(s,   i, v) { v = 0; s = toupper(s); for (i = 1; i <= length(s); i++) v = v * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1; return v }
    function v4(s) { return hex(substr(s, 7, 2)) "." hex(substr(s, 5, 2)) "." hex(substr(s, 3, 2)) "." hex(substr(s, 1, 2)) }
    function v6(s,   i, out, w) {
      if (s == "00000000000000000000000000000000") return "[::]"
      if (s == "00000000000000000000000001000000") return "[::1]"
      if (substr(s, 1, 24) == "0000000000000000FFFF0000") return "[::ffff:" v4(substr(s, 25)) "]"
      for (i = 0; i < 4; i++) { w = substr(s, i * 8 + 1, 8); out = out (i ? ":" : "") substr(w, 7, 2) substr(w, 5, 2) ":" substr(w, 3, 2) substr(w, 1, 2) }
      return "[" tolower(out) "]"
    }
    BEGIN { n = split(owners, rows, "\n"); for (i = 1; i <= n; i++) { split(rows[i], f, " "); own[f[1]] = own[f[1]] " " f[3] "(" f[2] ")" } }
    FNR == 1 { proto = FILENAME; sub(/.*\//, "", proto); next }
    (proto ~ /^tcp/ && $4 == "0A") || (proto ~ /^udp/ && $4 == "07") {
      split($2, a, ":")
      printf "  %-5s %-42s uid %-6s %s\n", proto, (length(a[1]) > 8 ? v6(a[1]) : v4(a[1])) ":" hex(a[2]), $8, ($10 in own) ? substr(own[$10], 2) : "?"
    }' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null
}

section_sockets() {
  heading "LISTENING SOCKETS"
  if have ss && ss -H -lntup >/dev/null 2>&1; then
    echo "  (ss)"
    bounded ss -H -lntup |
      awk '{ own = ""; for (i = 7; i <= NF; i++) own = own " " $i
             gsub(/users:\(\(|\)\)$/, "", own); gsub(/\),\(/, " ", own); gsub(/,fd=[0-9]+/, "", own); gsub(/"/, "", own)
             printf "  %-5s %-42s %s\n", $1, $5, own == "" ? "?" : substr(own, 2) }' |
      sort | clean | none_if_empty
  else
    echo "  (from /proc/net: ss is not there)"
    listening_from_proc | sort | clean | none_if_empty
  fi
  sub "established connections to other machines (at most 40)"
  if have ss; then
    bounded ss -H -ntp state established |
      awk '$4 !~ /^(127\.|\[::1\]|\[::ffff:127\.)/ { own = $5; gsub(/users:\(\(|\)\)$|"/, "", own); printf "  %-28s -> %-28s %s\n", $3, $4, own }' |
      clean 40 | none_if_empty
  else
    echo "  (ss is not there)"
  fi
}

# --------------------------------------------------------------------------------------- users
section_users() {
  heading "USERS"
  sub "user id 0"
  awk -F: '$3 == 0 { printf "  %s (shell %s)%s\n", $1, $7, $1 == "root" ? "" : "   <-- not root" }' /etc/passwd | clean
  sub "accounts that can log in"
  awk -F: '$7 !~ /(nologin|false|sync|shutdown|halt)$/ { printf "  %-20s uid %-6s home %-24s %s\n", $1, $3, $6, $7 }' \
    /etc/passwd | clean 60
  sub "accounts without a password"
  if [ -r /etc/shadow ]; then
    awk -F: '$2 == "" { print "  " $1 }' /etc/shadow | clean 40 | none_if_empty
  else
    echo "  (/etc/shadow is not readable as $(id -un 2>/dev/null || id -u))"
  fi
  sub "administrators by group, and sudo rules"
  awk -F: '$1 ~ /^(sudo|wheel|admin|adm|docker|lxd|disk|shadow)$/ && $4 != "" { printf "  group %-8s %s\n", $1, $4 }' \
    /etc/group | clean 20 | none_if_empty
  set +f
  grep -HsvE '^[[:space:]]*(#|$|Defaults)' /etc/sudoers /etc/sudoers.d/* | sed 's/^/  /' | clean 40
  set -f
  sub "logged in now"
  { have who && who | sed 's/^/  /'; } | clean 30 | none_if_empty
  sub "last logins"
  if have last; then
    bounded last -n 15 -w -F | sed '/^$/d;/^wtmp begins/d;s/^/  /' | clean 15 | none_if_empty
  elif have lastlog; then
    bounded lastlog -t "$days" | sed 's/^/  /' | clean 15 | none_if_empty
  else
    echo "  (no last, no lastlog)"
  fi
  sub "keys that open an account (authorized_keys)"
  local name home file line count=0
  while IFS=: read -r name _ _ _ _ home _; do
    for file in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do
      [ -r "$file" ] && [ -f "$file" ] || continue
      while IFS= read -r line || [ -n "$line" ]; do
        [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
        # type and comment tell whose key it is; the key itself says nothing to a reader
        awk -v who="$name" -v file="$file" '{
          for (i = 1; i <= NF; i++) if ($i ~ /^(ssh-|ecdsa-|sk-)/) break
          options = ""; for (j = 1; j < i; j++) options = options " " $j
          comment = ""; for (j = i + 2; j <= NF; j++) comment = comment " " $j
          printf "  %-12s %-22s ...%s %s%s   (%s)\n", who, $i, substr($(i + 1), length($(i + 1)) - 15), comment, options == "" ? "" : "  options:" options, file }' <<<"$line"
        count=$((count + 1))
        [ $count -lt 60 ] || break 3
      done <"$file"
    done
  done < <(sort -u -t: -k6,6 /etc/passwd 2>/dev/null) | clean 60 | none_if_empty
}

# --------------------------------------------------------------------------------- persistence
# Non-comment lines of the files given, each with its file in front.
active_lines() {
  local file
  for file in "$@"; do
    [ -f "$file" ] && [ -r "$file" ] || continue
    awk -v file="$file" '!/^[ \t]*(#|$)/ { printf "  %s: %s\n", file, $0 }' "$file" 2>/dev/null
  done
}
# "  time  path" of files, newest first; a mark where it changed recently.
dated() {
  search '' "$@" -maxdepth 0 \( -type f -o -type l \) -printf '%T@ %TY-%Tm-%Td %TH:%TM  %p %l\0' |
    awk -v since="$(($(date +%s) - days * 86400))" '{ t = $1; sub(/^[^ ]+ /, ""); sub(/ $/, ""); print "  " $0 (t >= since ? "   <-- recent" : "") }' |
    sort -r
}

section_persistence() {
  heading "PERSISTENCE POINTS"
  set +f
  sub "cron tables"
  active_lines /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/* /var/spool/cron/* /etc/anacrontab |
    clean | none_if_empty
  sub "cron folders (run as root hourly to monthly)"
  dated /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/* | clean 60 | none_if_empty
  sub "at jobs"
  search '' /var/spool/cron/atjobs /var/spool/at -maxdepth 1 -type f -name 'a*' \
    -printf '  %TY-%Tm-%Td %TH:%TM  %p (of %u)\0' | clean 30 | none_if_empty
  sub "systemd units enabled on this machine (targets' wants)"
  search '' /etc/systemd/system -maxdepth 2 -path '*.wants/*' -printf '  %TY-%Tm-%Td  %P -> %l\0' |
    sort -r | clean 120 | none_if_empty
  sub "systemd units that stand in /etc, /run or a home, newest first, with what they start"
  search '' /etc/systemd/system /etc/systemd/user /run/systemd/system /usr/local/lib/systemd /root/.config/systemd \
    /home/*/.config/systemd -xdev -maxdepth 3 -type f \( -name '*.service' -o -name '*.timer' -o -name '*.path' -o -name '*.socket' \) \
    -printf '%TY-%Tm-%Td\t%p\0' | sort -r | head -n 80 |
    while IFS=$'\t' read -r when unit; do
      printf '  %s  %s   %s\n' "$when" "$unit" \
        "$(awk -F= '/^(ExecStart|OnCalendar|OnBootSec|OnUnitActiveSec|PathChanged|ListenStream)=/ { sub(/^[^=]*=/, ""); printf "%s; ", $0 }' "$unit" 2>/dev/null)"
    done | clean 80 | none_if_empty
  sub "timers"
  search '' /usr/lib/systemd/system /lib/systemd/system /etc/systemd/system -maxdepth 1 -name '*.timer' -printf '%f\0' |
    sort -u | awk '{ line = line (line ? " " : "") $0 } length(line) > 90 { print "  " line; line = "" } END { if (line) print "  " line }' |
    clean 30 | none_if_empty
  sub "preloaded libraries (/etc/ld.so.preload)"
  active_lines /etc/ld.so.preload | clean 20 | none_if_empty
  sub "boot and shell start files: rc.local, init.d, profile.d, shells' own, newest first"
  dated /etc/rc.local /etc/init.d/* /etc/rc.d/rc.local /etc/profile /etc/profile.d/* /etc/bash.bashrc /etc/environment \
    /etc/zsh/zshrc /etc/update-motd.d/* /root/.bashrc /root/.profile /root/.bash_profile /root/.zshrc \
    /home/*/.bashrc /home/*/.profile /home/*/.bash_profile /home/*/.zshrc | clean 60 | none_if_empty
  sub "desktop autostart, udev rules, module loading, PAM (changed in the last $days days)"
  search '' /etc/xdg/autostart /home/*/.config/autostart /etc/udev/rules.d /etc/modules-load.d /etc/modprobe.d \
    /etc/pam.d /etc/NetworkManager/dispatcher.d /etc/network/if-up.d -maxdepth 1 -type f -mtime "-$days" \
    -printf '  %TY-%Tm-%Td %TH:%TM  %p\0' | sort -r | clean 40 | none_if_empty
  set -f
}

# --------------------------------------------------------------------------------------- files
section_files() {
  heading "EXECUTABLES AND RECENT FILES"
  local programs
  mapfile -t programs < <(program_folders)
  sub "executables changed in the last $days days (folders of programs, units, /opt), newest first"
  search '0 ' "${programs[@]}" /usr/lib/systemd /opt -xdev -type f -perm /111 -ctime "-$days" \
    ! -path '*/node_modules/*' -printf '%C@ %CY-%Cm-%Cd %CH:%CM  %u %m %10s  %p\0' |
    sort -rn | cut -d' ' -f2- | sed 's/^/  /' | clean 60 | none_if_empty
  sub "executables or scripts in folders that anyone may write"
  search '0 ' /tmp /var/tmp /dev/shm /run/lock -xdev -maxdepth 4 -type f \
    \( -perm /111 -o -name '*.sh' -o -name '*.py' -o -name '*.elf' \) \
    -printf '%T@ %TY-%Tm-%Td %TH:%TM  %u %m %10s  %p\0' |
    sort -rn | cut -d' ' -f2- | sed 's/^/  /' | clean 40 | none_if_empty
  sub "set-user-id and set-group-id programs, newest change first"
  search '0 ' "${programs[@]}" /usr/lib /usr/libexec /opt /home /tmp /var/tmp -xdev -name node_modules -prune \
    -o -type f -perm /6000 -printf '%C@ %CY-%Cm-%Cd  %M %u:%g  %p\0' |
    sort -rn | cut -d' ' -f2- | sed 's/^/  /' | clean 60 | none_if_empty
  sub "hidden files in folders where none should be"
  search '' /tmp /var/tmp /dev/shm /dev "${programs[@]}" -xdev -maxdepth 2 -name '.?*' ! -name '.X*-lock' \
    ! -name '.*-unix' -printf '  %TY-%Tm-%Td  %M %u  %p\0' | clean 30 | none_if_empty
}

# ------------------------------------------------------------------------------------- modules
section_modules() {
  heading "KERNEL MODULES"
  local taint
  taint=$(cat /proc/sys/kernel/tainted 2>/dev/null || echo '?')
  echo "  taint flags: $taint$([ "$taint" = 0 ] || echo '   <-- not 0: an unsigned, forced or foreign module was loaded at some time')"
  if [ -s /proc/modules ]; then
    awk '{ printf "  %-28s %8.0f KiB  used by %s%s\n", $1, $2 / 1024, $4 == "-" ? "nothing" : $4, $7 != "" ? "   <-- " $7 : "" }' \
      /proc/modules | sort | clean 250
  else
    echo "  (none loaded)"
  fi
}

echo "Reachback triage of $(uname -n), $(date -u '+%Y-%m-%dT%H:%M:%SZ'), changes of the last $days days" | clean
for section in $sections; do
  "section_$section"
done
printf '\n== END after %s s ==\n' "$SECONDS"
exit 0
