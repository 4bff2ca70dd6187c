#include <functional>

#include "agent/builtin/accounts.h"
#include "agent/builtin/commands.h"
#include "agent/builtin/cron.h"
#include "agent/builtin/homes.h"
#include "agent/builtin/place_teller.h"
#include "agent/builtin/udev_rules.h"
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
    if (const auto found = teller.look(*unit.path)) {
      const auto settings = start_settings(units.load(unit).file);
      teller.tell("systemd_unit", *unit.path, *found,
                  name + (settings.empty() ? "" : ": " + joined(settings)));
    }
  }
  // A drop-in counts whatever starts its unit, so each is told.
  teller.each_file(units.drop_in_folders(), [&](const std::string& path, const Found& found) {
    if (path.ends_with(".conf")) {
      UnitFile file;
      file.add(text_of(found, path, output).value_or(""));
      teller.tell("systemd_drop_in", path, found, joined(start_settings(file)));
    }
  });
}

// The words of its lines, one a row: modules, libraries.
void tell_lines(Output& output, PlaceTeller& teller, const char* kind, const std::string& path,
                const Found& found) {
  const auto text = text_of(found, path, output);
  for_each_line(text.value_or(""), [&](std::size_t, std::string_view raw) {
    const auto line = trimmed(raw);
    if (!line.empty() && !line.starts_with('#') && !line.starts_with(';')) {
      teller.tell(kind, path, found, std::string(line));
    }
  });
}

void tell_modules(Output& output, PlaceTeller& teller) {
  const auto tell = [&](const std::string& path, const Found& found) {
    tell_lines(output, teller, "kernel_module", path, found);
  };
  if (const auto found = teller.look("/etc/modules")) {
    tell("/etc/modules", *found);
  }
  teller.each_file({"/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d",
                    "/lib/modules-load.d", "/usr/lib/modules-load.d"},
                   tell);
}

void tell_udev(Output& output, PlaceTeller& teller) {
  teller.each_file({"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
                    "/lib/udev/rules.d", "/usr/lib/udev/rules.d"},
                   [&](const std::string& path, const Found& found) {
                     const auto text = text_of(found, path, output);
                     for (const auto& program : programs_of_udev_rules(text.value_or(""))) {
                       teller.tell("udev_rule", path, found, program);
                     }
                   });
}

void tell_autostart(Output& output, PlaceTeller& teller) {
  teller.each_file({"/etc/xdg/autostart"}, [&](const std::string& path, const Found& found) {
    if (path.ends_with(".desktop")) {
      teller.tell("autostart", path, found,
                  exec_of_desktop(text_of(found, path, output).value_or("")));
    }
  });
}

}  // namespace

Result<void> list_persistence(const Request& request, Output& output) {
  const System& system = request.system();
  PlaceTeller teller(system, output);
  tell_units(system, output, teller);
  const auto all = [&](const char* kind, const std::vector<std::string>& folders) {
    teller.each_file(folders, [&](const std::string& path, const Found& found) {
      teller.tell(kind, path, found);
    });
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
  if (const auto found = teller.look("/etc/ld.so.preload")) {
    tell_lines(output, teller, "ld_preload", "/etc/ld.so.preload", *found);
  }
  tell_modules(output, teller);
  tell_udev(output, teller);
  tell_autostart(output, teller);
  for (const auto& home : homes(system, output)) {
    tell_home(output, teller, home);
  }
  return {};
}

}  // namespace reachback::agent::builtin
