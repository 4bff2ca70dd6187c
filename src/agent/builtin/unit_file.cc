#include "agent/builtin/unit_file.h"

#include <initializer_list>

#include "agent/builtin/text.h"

namespace reachback::agent::builtin {
namespace {

using Keys = std::initializer_list<std::string_view>;

void add_settings(const UnitFile& unit, std::string_view section, Keys keys,
                  std::vector<std::string>& out) {
  for (const auto key : keys) {
    for (const auto& value : unit.values(section, key)) {
      out.push_back(std::string(key) + "=" + value);
    }
  }
}

}  // namespace

void UnitFile::add(std::string_view text) {
  std::string section;
  std::string whole;  // of a line that is continued
  const auto take = [&](std::string_view line) {
    if (line.starts_with('[') && line.ends_with(']')) {
      section = line.substr(1, line.size() - 2);
      return;
    }
    const auto equals = line.find('=');
    if (equals != std::string_view::npos) {
      settings_.push_back({section, std::string(trimmed(line.substr(0, equals))),
                           std::string(trimmed(line.substr(equals + 1)))});
    }
  };
  for_each_line(text, [&](std::size_t, std::string_view raw) {
    const auto line = trimmed(raw);
    if (line.starts_with('#') || line.starts_with(';')) {
      return;  // also between the lines of one that is continued
    }
    if (line.ends_with('\\')) {
      whole += std::string(trimmed(line.substr(0, line.size() - 1))) + " ";
      return;
    }
    whole += line;
    take(trimmed(whole));
    whole.clear();
  });
  take(trimmed(whole));
}

std::vector<std::string> UnitFile::values(std::string_view section, std::string_view key) const {
  std::vector<std::string> values;
  for (const Setting& setting : settings_) {
    if (setting.section != section || setting.key != key) {
      continue;
    }
    if (setting.value.empty()) {
      values.clear();
    } else {
      values.push_back(setting.value);
    }
  }
  return values;
}

std::string UnitFile::value(std::string_view section, std::string_view key) const {
  auto all = values(section, key);
  return all.empty() ? "" : all.back();
}

// Source: systemd.timer(5).
std::vector<std::string> timer_settings(const UnitFile& unit) {
  std::vector<std::string> out;
  add_settings(unit, "Timer",
               {"OnCalendar", "OnBootSec", "OnStartupSec", "OnActiveSec", "OnUnitActiveSec",
                "OnUnitInactiveSec", "OnClockChange", "OnTimezoneChange"},
               out);
  return out;
}

// Source: systemd.service(5), systemd.socket(5), systemd.path(5).
std::vector<std::string> start_settings(const UnitFile& unit) {
  std::vector<std::string> out;
  for (const char* section : {"Service", "Socket"}) {
    add_settings(unit, section,
                 {"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload",
                  "ExecStop", "ExecStopPre", "ExecStopPost"},
                 out);
  }
  for (auto& setting : timer_settings(unit)) {
    out.push_back(std::move(setting));
  }
  add_settings(unit, "Socket",
               {"ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO",
                "ListenSpecial", "ListenNetlink", "ListenMessageQueue", "ListenUSBFunction"},
               out);
  add_settings(unit, "Path",
               {"PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"},
               out);
  return out;
}

std::string exec_of_desktop(std::string_view text) {
  UnitFile file;
  file.add(text);
  return file.value("Desktop Entry", "Exec");
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) {
    out += (out.empty() ? "" : "; ") + text;
  }
  return out;
}

}  // namespace reachback::agent::builtin
