// The text of a unit of systemd, and of what else is written like it (.desktop files).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reachback::agent::builtin {

class UnitFile {
 public:
  // Adds to what is there: a drop-in after its unit. Lines that are no setting are passed over.
  void add(std::string_view text);
  // All that a setting was given, in order; an empty value takes back what came before it.
  std::vector<std::string> values(std::string_view section, std::string_view key) const;
  // The last one, "" when there is none.
  std::string value(std::string_view section, std::string_view key) const;

 private:
  struct Setting {
    std::string section, key, value;
  };
  std::vector<Setting> settings_;
};

// When a timer goes off: "Key=value" for each of its settings.
std::vector<std::string> timer_settings(const UnitFile& unit);
// All that a unit of any kind runs (Exec…), and what sets it off: as above.
std::vector<std::string> start_settings(const UnitFile& unit);
// What an entry of a desktop's autostart folder runs; "": nothing.
std::string exec_of_desktop(std::string_view text);

// "a; b": how a row shows several.
std::string joined(const std::vector<std::string>& texts);

}  // namespace reachback::agent::builtin
