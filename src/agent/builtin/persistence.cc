#include <functional>

#include "agent/builtin/accounts.h"
#include "agent/builtin/commands.h"
#include "agent/builtin/cron.h"
#include "agent/builtin/homes.h"
#include "agent/builtin/place_teller.h"
#include "agent/builtin/units.h"

namespace reachback::agent::builtin {
namespace {

void tell_units(const System& system, Output& output, PlaceTeller& teller) {
  const Units units(system, output);
  for (const auto& [name, unit] : units.all()) {
    const bool starts = unit.state == "enabled" || unit.state == "enabled-runtime" ||
                        unit.state == "generated" || !unit.wanted_by.empty();
    if (!starts || unit.state == "masked" || !unit.path || name.ends_with("@.service")) {
      continue;
    }
    const UnitFile file = units.load(unit).file;
    std::vector<std::string> parts = file.values("Service", "ExecStart");
    for (const char* key : {"OnCalendar", "OnBootSec", "OnUnitActiveSec"}) {
      for (const auto& value : file.values("Timer", key)) {
        parts.push_back(std::string(key) + "=" + value);
      }
    }
    for (const char* key : {"ListenStream", "ListenDatagram", "ListenFIFO"}) {
      for (const auto& value : file.values("Socket", key)) {
        parts.push_back(std::string(key) + "=" + value);
      }
    }
    for (const char* key : {"PathExists", "PathChanged", "PathModified", "DirectoryNotEmpty"}) {
      for (const auto& value : file.values("Path", key)) {
        parts.push_back(std::string(key) + "=" + value);
      }
    }
    teller.tell("systemd_unit", *unit.path, name + (parts.empty() ? "" : ": " + joined(parts)));
  }
}

// The words of its lines, one a row: modules, libraries.
void tell_lines(const System& system, Output& output, PlaceTeller& teller, const char* kind,
                const std::string& path) {
  const auto text = system.text(path, output);
  for_each_line(text.value_or(""), [&](std::size_t, std::string_view raw) {
    const auto line = trimmed(raw);
    if (!line.empty() && !line.starts_with('#') && !line.starts_with(';')) {
      teller.tell(kind, path, std::string(line));
    }
  });
}

void tell_udev(const System& system, Output& output, PlaceTeller& teller) {
  teller.each_file({"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
                    "/lib/udev/rules.d", "/usr/lib/udev/rules.d"},
                   [&](const std::string& path) {
                     const auto text = system.text(path, output);
                     for_each_line(text.value_or(""), [&](std::size_t, std::string_view raw) {
                       const auto line = trimmed(raw);
                       const auto run = line.find("RUN");
                       if (line.starts_with('#') || run == std::string_view::npos) {
                         return;
                       }
                       // RUN+="…", RUN{program}="…": the last of a rule's keys, as a rule.
                       const auto key = line.substr(run);
                       if (key.starts_with("RUN+=") || key.starts_with("RUN=") ||
                           key.starts_with("RUN:=") || key.starts_with("RUN{")) {
                         teller.tell("udev_rule", path, std::string(key));
                       }
                     });
                   });
}

void tell_autostart(const System& system, Output& output, PlaceTeller& teller,
                    const std::string& folder) {
  teller.each_file({folder}, [&](const std::string& path) {
    if (path.ends_with(".desktop")) {
      UnitFile file;
      file.add(system.text(path, output).value_or(""));
      teller.tell("autostart", path, file.value("Desktop Entry", "Exec"));
    }
  });
}

}  // namespace

Result<void> list_persistence(const Request& request, Output& output) {
  const System& system = request.system();
  PlaceTeller teller(system, output);
  tell_units(system, output, teller);
  const auto all = [&](const char* kind, const std::vector<std::string>& folders) {
    teller.each_file(folders, [&](const std::string& path) { teller.tell(kind, path); });
  };
  for (const char* path : {"/etc/rc.local", "/etc/rc.d/rc.local"}) {
    teller.tell("rc_local", path);
  }
  all("init_script", {"/etc/init.d", "/etc/rc.d/init.d"});
  all("systemd_generator", {"/etc/systemd/system-generators", "/run/systemd/system-generators",
                            "/usr/local/lib/systemd/system-generators"});
  for (const auto& path : cron_files(system, output)) {
    teller.tell("cron", path);
  }
  for (const char* path : {"/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh/zshrc",
                           "/etc/zsh/zshenv", "/etc/zsh/zprofile", "/etc/environment"}) {
    teller.tell("profile", path);
  }
  all("profile", {"/etc/profile.d"});
  all("motd", {"/etc/update-motd.d"});
  teller.tell("ssh_rc", "/etc/ssh/sshrc");
  tell_lines(system, output, teller, "ld_preload", "/etc/ld.so.preload");
  tell_lines(system, output, teller, "kernel_module", "/etc/modules");
  teller.each_file(
      {"/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d",
       "/lib/modules-load.d", "/usr/lib/modules-load.d"},
      [&](const std::string& path) { tell_lines(system, output, teller, "kernel_module", path); });
  tell_udev(system, output, teller);
  tell_autostart(system, output, teller, "/etc/xdg/autostart");
  for (const auto& home : homes(system, output)) {
    tell_home(system, output, teller, home);
    tell_autostart(system, output, teller, home + "/.config/autostart");
  }
  return {};
}

}  // namespace reachback::agent::builtin
