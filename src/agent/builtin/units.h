// The units that systemd finds in its folders, and which of them it starts by itself: read from the
// files, so that nothing of the machine has to answer.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/builtin/system.h"
#include "agent/builtin/unit_file.h"

namespace reachback::agent::builtin {

struct Unit {
  std::string name;
  std::optional<std::string> path;  // of its file, or of the link that wants it; nullopt: none
  // As `systemctl is-enabled` says: enabled, enabled-runtime, disabled, static, indirect, masked,
  // linked, alias, generated, transient. nullopt: its file is not there.
  std::optional<std::string> state;
  std::vector<std::string> wanted_by;  // the units whose start starts it, by links in folders
};

struct LoadedUnit {
  UnitFile file;
  std::vector<std::string> drop_ins;  // paths, in the order in which they count
};

class Units {
 public:
  // Services, timers, sockets and paths. An earlier folder's file hides a later one's, as systemd
  // has it.
  Units(const System& system, Output& output);

  // Sorted by name: units with a file, instances that something wants.
  const std::map<std::string, Unit>& all() const { return units_; }
  // Its file and its drop-ins, of these at most 1,000 and 4 MiB; the rest is noted.
  LoadedUnit load(const Unit& unit) const;
  // The folders of drop-ins, of units of every kind, in the order in which they count.
  const std::vector<std::string>& drop_in_folders() const { return all_drop_in_folders_; }
  // "getty@.service" of "getty@tty1.service"; "" of a name that is no instance.
  static std::string template_of(std::string_view name);

 private:
  struct Link {
    std::string path;
    std::vector<std::string> wanted_by;
  };
  struct UnitFolder;
  void read_folder(const UnitFolder& folder);
  void read_wants(const UnitFolder& folder, const std::string& name);
  void read_unit(const UnitFolder& folder, const std::string& name);
  void enable(const UnitFolder& folder, const std::string& name);
  void add_instances();
  // By their names, in whose order they count.
  std::map<std::string, std::string> drop_ins_of(const Unit& unit) const;
  std::optional<std::string> state_of(const Unit& unit) const;

  const System& system_;
  Output& output_;
  std::map<std::string, Unit> units_;
  std::map<std::string, Link> links_;
  // What a link in /etc, or in /run, starts; with an instance its template.
  std::set<std::string> enabled_;
  std::set<std::string> enabled_runtime_;
  std::map<std::string, std::vector<std::string>> drop_in_folders_;  // by unit
  std::vector<std::string> all_drop_in_folders_;
};

// Is this a folder's unit of that kind: ".service".
inline bool is_unit(std::string_view name, std::string_view suffix) {
  return name.size() > suffix.size() && name.ends_with(suffix);
}

}  // namespace reachback::agent::builtin
