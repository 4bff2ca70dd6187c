#include "agent/collect/contents.h"

#include <fnmatch.h>

#include "agent/builtin/homes.h"

namespace reachback::agent::collect {
namespace {

using builtin::KernelFiles;

// What the kernel tells: disks, modules, neighbours, routes.
constexpr const char* kKernel[] = {"/proc/version",
                                   "/proc/cmdline",
                                   "/proc/uptime",
                                   "/proc/loadavg",
                                   "/proc/meminfo",
                                   "/proc/cpuinfo",
                                   "/proc/mounts",
                                   "/proc/partitions",
                                   "/proc/swaps",
                                   "/proc/modules",
                                   "/proc/net/arp",
                                   "/proc/net/dev",
                                   "/proc/net/route",
                                   "/proc/net/ipv6_route",
                                   "/proc/sys/kernel/tainted",
                                   "/proc/sys/kernel/random/boot_id"};

constexpr const char* kFiles[] = {"/etc/os-release",
                                  "/etc/hostname",
                                  "/etc/machine-id",
                                  "/etc/hosts",
                                  "/etc/resolv.conf",
                                  "/etc/nsswitch.conf",
                                  "/etc/fstab",
                                  "/etc/passwd",
                                  "/etc/group",
                                  "/etc/sudoers",
                                  "/etc/login.defs",
                                  "/etc/ssh/sshd_config",
                                  "/etc/ssh/ssh_config",
                                  "/etc/crontab",
                                  "/etc/anacrontab",
                                  "/etc/ld.so.preload",
                                  "/etc/ld.so.conf",
                                  "/etc/environment",
                                  "/etc/profile",
                                  "/etc/bash.bashrc",
                                  "/etc/rc.local",
                                  "/etc/selinux/config",
                                  "/etc/audit/auditd.conf",
                                  "/var/lib/dpkg/status",
                                  "/var/lib/rpm/rpmdb.sqlite",
                                  "/lib/apk/db/installed",
                                  "/var/run/utmp"};

// Of each folder the names that fit.
constexpr std::pair<const char*, const char*> kFolders[] = {
    {"/etc/sudoers.d", "*"},      {"/etc/ssh/sshd_config.d", "*"},
    {"/etc/cron.d", "*"},         {"/etc/cron.hourly", "*"},
    {"/etc/cron.daily", "*"},     {"/etc/cron.weekly", "*"},
    {"/etc/cron.monthly", "*"},   {"/var/spool/cron/crontabs", "*"},
    {"/var/spool/cron", "*"},     {"/etc/systemd/system", "*"},
    {"/etc/pam.d", "*"},          {"/etc/udev/rules.d", "*"},
    {"/etc/modules-load.d", "*"}, {"/etc/modprobe.d", "*"},
    {"/etc/ld.so.conf.d", "*"},   {"/etc/profile.d", "*"},
    {"/etc/audit/rules.d", "*"},  {"/etc/apt/sources.list.d", "*"},
    {"/etc/yum.repos.d", "*"},    {"/etc/NetworkManager/dispatcher.d", "*"},
    {"/var/log", "wtmp*"},        {"/var/log", "btmp*"},
    {"/var/log", "lastlog"},      {"/var/log", "auth.log*"},
    {"/var/log", "secure*"},      {"/var/log", "syslog*"},
    {"/var/log", "messages*"},    {"/var/log", "kern.log*"},
    {"/var/log", "cron*"},        {"/var/log", "dpkg.log*"},
    {"/var/log", "yum.log*"},     {"/var/log", "dnf*.log*"},
    {"/var/log/apt", "*"},        {"/var/log/audit", "audit.log*"}};

constexpr const char* kOfHomes[] = {".bash_history",
                                    ".zsh_history",
                                    ".ash_history",
                                    ".sh_history",
                                    ".ksh_history",
                                    ".local/share/fish/fish_history",
                                    ".python_history",
                                    ".mysql_history",
                                    ".psql_history",
                                    ".sqlite_history",
                                    ".lesshst",
                                    ".wget-hsts",
                                    ".viminfo",
                                    ".profile",
                                    ".bash_profile",
                                    ".bash_login",
                                    ".bashrc",
                                    ".bash_logout",
                                    ".zshenv",
                                    ".zprofile",
                                    ".zshrc",
                                    ".zlogin",
                                    ".ssh/authorized_keys",
                                    ".ssh/authorized_keys2",
                                    ".ssh/known_hosts",
                                    ".ssh/config",
                                    ".ssh/rc"};

}  // namespace

void each_wanted(const builtin::System& system, builtin::Output& output,
                 const std::function<void(const Wanted&)>& file) {
  for (const char* path : kKernel) {
    file({path, false, KernelFiles::read});
  }
  for (const char* path : kFiles) {
    file({path});
  }
  for (const auto& [folder, pattern] : kFolders) {
    for (const std::string& name : system.names(folder, output)) {
      if (::fnmatch(pattern, name.c_str(), 0) == 0) {
        file({builtin::path_in(folder, name)});
      }
    }
  }
  for (const std::string& home : builtin::homes(system, output)) {
    for (const char* name : kOfHomes) {
      file({builtin::path_in(home, name), true});
    }
  }
}

}  // namespace reachback::agent::collect
