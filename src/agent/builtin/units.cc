#include "agent/builtin/units.h"

#include <fcntl.h>

#include <algorithm>

#include "agent/command/find_file.h"

namespace reachback::agent::builtin {

struct Units::UnitFolder {
  enum class Kind { config, runtime, vendor };
  const char* path = nullptr;
  Kind kind = Kind::config;
  const char* state = nullptr;  // of every unit in it
};

namespace {

constexpr std::size_t kDropInsMax = 1000;
constexpr std::size_t kDropInBytesMax = 4 << 20;
constexpr std::string_view kSuffixes[] = {".service", ".timer", ".socket", ".path"};

std::string_view suffix_of(std::string_view name) {
  for (const auto suffix : kSuffixes) {
    if (is_unit(name, suffix)) {
      return suffix;
    }
  }
  return {};
}

std::string_view without(std::string_view name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

}  // namespace

// Source: systemd.unit(5), "Unit File Load Path"; earlier ones count before later ones.
Units::Units(const System& system, Output& output) : system_(system), output_(output) {
  using Kind = UnitFolder::Kind;
  constexpr UnitFolder kFolders[] = {{"/etc/systemd/system.control", Kind::config},
                                     {"/run/systemd/system.control", Kind::runtime},
                                     {"/run/systemd/transient", Kind::runtime, "transient"},
                                     {"/run/systemd/generator.early", Kind::vendor, "generated"},
                                     {"/etc/systemd/system", Kind::config},
                                     {"/etc/systemd/system.attached", Kind::config},
                                     {"/run/systemd/system", Kind::runtime},
                                     {"/run/systemd/system.attached", Kind::runtime},
                                     {"/run/systemd/generator", Kind::vendor, "generated"},
                                     {"/usr/local/lib/systemd/system", Kind::vendor},
                                     {"/lib/systemd/system", Kind::vendor},
                                     {"/usr/lib/systemd/system", Kind::vendor},
                                     {"/run/systemd/generator.late", Kind::vendor, "generated"}};
  std::set<std::string> seen;  // /lib is often /usr/lib
  for (const UnitFolder& folder : kFolders) {
    auto found = system_.find(folder.path, O_DIRECTORY);
    if (found.ok() && seen.insert(found->path).second) {
      read_folder(folder);
    }
  }
  add_instances();
  for (auto& [name, unit] : units_) {
    if (!unit.state || (unit.state == "linked" && enabled_.contains(name))) {
      unit.state = state_of(unit);
    }
    const auto link = links_.find(name);
    if (link != links_.end()) {
      unit.wanted_by = link->second.wanted_by;
    }
  }
}

std::string Units::template_of(std::string_view name) {
  const auto at = name.find('@');
  const auto suffix = suffix_of(name);
  if (at == std::string_view::npos || suffix.empty() || at + 1 + suffix.size() == name.size()) {
    return {};
  }
  return std::string(name.substr(0, at + 1)) + std::string(suffix);
}

void Units::read_folder(const UnitFolder& folder) {
  for (const auto& name : system_.names(folder.path, output_)) {
    if (!suffix_of(name).empty()) {
      read_unit(folder, name);
    } else if (name.ends_with(".wants") || name.ends_with(".requires") ||
               name.ends_with(".upholds")) {
      read_wants(folder, name);
    } else if (name.ends_with(".d")) {
      all_drop_in_folders_.push_back(path_in(folder.path, name));
      drop_in_folders_[std::string(without(name, ".d"))].push_back(all_drop_in_folders_.back());
    }
  }
}

void Units::read_wants(const UnitFolder& folder, const std::string& name) {
  const std::string path = std::string(folder.path) + "/" + name;
  for (const auto& wanted : system_.names(path, output_)) {
    if (suffix_of(wanted).empty()) {
      continue;
    }
    Link& link = links_[wanted];
    link.path = link.path.empty() ? path_in(path, wanted) : link.path;
    const std::string by = name.substr(0, name.rfind('.'));
    if (std::find(link.wanted_by.begin(), link.wanted_by.end(), by) == link.wanted_by.end()) {
      link.wanted_by.push_back(by);
    }
    enable(folder, wanted);
  }
}

void Units::enable(const UnitFolder& folder, const std::string& name) {
  if (folder.kind == UnitFolder::Kind::vendor) {
    return;
  }
  auto& names = folder.kind == UnitFolder::Kind::config ? enabled_ : enabled_runtime_;
  names.insert(name);
  if (const std::string base = template_of(name); !base.empty()) {
    names.insert(base);
  }
}

void Units::read_unit(const UnitFolder& folder, const std::string& name) {
  const std::string path = std::string(folder.path) + "/" + name;
  const auto named = system_.find(path, O_NOFOLLOW);
  if (!named.ok()) {
    return;  // it went meanwhile
  }
  Unit unit{name,
            path,
            folder.state != nullptr ? std::optional<std::string>(folder.state) : std::nullopt,
            {}};
  if (S_ISLNK(named->status.stx_mode)) {
    const auto target = target_of(named->handle.get(), "").value_or("");
    const auto found = system_.find(path);
    if (target == "/dev/null") {
      unit.state = "masked";
    } else if (found.ok()) {
      const std::string file = found->path.substr(found->path.rfind('/') + 1);
      const bool is_alias = file != name && template_of(name) != file;
      const bool is_unit_folder = found->path.find("/systemd/") != std::string::npos;
      if (is_alias) {
        unit.state = "alias";
        // The link that [Install] Alias= asks for is what enables the other.
        enable(folder, file);
      } else if (!is_unit_folder) {
        unit.state = "linked";
      }
    }
  } else if (named->status.stx_size == 0 && S_ISREG(named->status.stx_mode)) {
    unit.state = "masked";
  }
  units_.try_emplace(name, std::move(unit));
}

void Units::add_instances() {
  for (const auto& [name, link] : links_) {
    if (units_.contains(name)) {
      continue;
    }
    const auto base = units_.find(template_of(name));
    Unit unit{name, base != units_.end() ? base->second.path : std::optional(link.path), {}, {}};
    if (base != units_.end() && base->second.state == "masked") {
      unit.state = "masked";
    }
    units_.emplace(name, std::move(unit));
  }
}

std::optional<std::string> Units::state_of(const Unit& unit) const {
  const bool has_file = unit.path && system_.find(*unit.path).ok();
  if (!has_file) {
    return std::nullopt;
  }
  if (enabled_.contains(unit.name)) {
    return "enabled";
  }
  if (enabled_runtime_.contains(unit.name)) {
    return "enabled-runtime";
  }
  const UnitFile file = load(unit).file;
  for (const char* key : {"WantedBy", "RequiredBy", "UpheldBy", "Alias"}) {
    if (!file.values("Install", key).empty()) {
      return "disabled";
    }
  }
  return file.values("Install", "Also").empty() ? "static" : "indirect";
}

std::map<std::string, std::string> Units::drop_ins_of(const Unit& unit) const {
  std::map<std::string, std::string> drop_ins;
  const std::string kind(suffix_of(unit.name).substr(1));
  for (const auto& owner : {unit.name, template_of(unit.name), kind}) {
    const auto folders = drop_in_folders_.find(owner);
    if (folders == drop_in_folders_.end()) {
      continue;
    }
    for (const auto& folder : folders->second) {
      for (const auto& name : system_.names(folder, output_)) {
        if (name.ends_with(".conf")) {
          drop_ins.try_emplace(name, path_in(folder, name));  // of two of one name the first counts
        }
      }
    }
  }
  return drop_ins;
}

LoadedUnit Units::load(const Unit& unit) const {
  LoadedUnit loaded;
  if (!unit.path) {
    return loaded;
  }
  if (unit.state != "masked") {
    loaded.file.add(system_.text(*unit.path, output_).value_or(""));
  }
  std::size_t bytes_left = kDropInBytesMax;
  for (const auto& [name, path] : drop_ins_of(unit)) {
    if (loaded.drop_ins.size() == kDropInsMax || bytes_left == 0) {
      output_.note("ReadFailed: " + shown_path(unit.name) + ": only " +
                   std::to_string(loaded.drop_ins.size()) + " of its drop-ins were looked at");
      break;
    }
    const auto found = system_.find(path);
    if (found.ok() && found->path == "/dev/null") {
      continue;  // masked
    }
    const auto text = system_.text(path, output_, std::min(bytes_left, kTextBytesMax)).value_or("");
    bytes_left -= text.size();
    loaded.file.add(text);
    loaded.drop_ins.push_back(path);
  }
  return loaded;
}

}  // namespace reachback::agent::builtin
