#include <fcntl.h>

#include <set>

#include "agent/builtin/commands.h"
#include "agent/builtin/units.h"

namespace reachback::agent::builtin {
namespace {

constexpr int kDepthMax = 16;
constexpr std::size_t kCgroupTextBytesMax = 64 << 10;

// Which services have processes, by the control groups that systemd puts them in.
class Running {
 public:
  Running(const System& system, Output& output) : system_(system), output_(output) {
    // One tree (v2), or v1 with systemd's own beside the controllers.
    for (const char* root :
         {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}) {
      if (system.find(std::string(root) + "/system.slice").ok()) {
        is_known_ = true;
        gather(root, 0);
        return;
      }
    }
  }
  // nullopt: no control groups of systemd here.
  std::optional<bool> of(const std::string& name) const {
    return is_known_ ? std::optional(names_.contains(name)) : std::nullopt;
  }
  const std::set<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> below(const std::string& path) const {
    std::vector<std::string> folders;
    for (const auto& name : system_.names(path, output_)) {
      const auto found = system_.find(path_in(path, name), O_NOFOLLOW);
      if (found.ok() && S_ISDIR(found->status.stx_mode)) {
        folders.push_back(name);
      }
    }
    return folders;
  }
  // Only slices are gone into: a user's manager has services of that user in its own group, and a
  // container has its services in a scope, or in a group of its own name.
  void gather(const std::string& path, int depth) {
    for (const auto& name : below(path)) {
      const std::string inner = path_in(path, name);
      if (is_unit(name, ".service")) {
        if (has_processes(inner, depth)) {
          names_.insert(name);
        }
      } else if (is_unit(name, ".slice") && depth < kDepthMax) {
        gather(inner, depth + 1);
      }
    }
  }
  std::optional<std::string> text(const std::string& path) const {
    return system_.text(path, output_, kCgroupTextBytesMax, KernelFiles::read);
  }
  bool has_processes(const std::string& path, int depth) const {
    if (const auto events = text(path + "/cgroup.events")) {
      return events->find("populated 1") != std::string::npos;
    }
    if (!text(path + "/cgroup.procs").value_or("").empty()) {
      return true;
    }
    for (const auto& name : depth < kDepthMax ? below(path) : std::vector<std::string>()) {
      if (has_processes(path_in(path, name), depth + 1)) {
        return true;
      }
    }
    return false;
  }

  const System& system_;
  Output& output_;
  bool is_known_ = false;
  std::set<std::string> names_;
};

}  // namespace

Result<void> list_services(const Request& request, Output& output) {
  const Units units(request.system(), output);
  const Running running(request.system(), output);
  std::map<std::string, Unit> services;
  for (const auto& [name, unit] : units.all()) {
    if (is_unit(name, ".service")) {
      services.emplace(name, unit);
    }
  }
  // Instances that were started by hand, and what runs although its file is gone.
  for (const auto& name : running.names()) {
    const auto base = services.find(Units::template_of(name));
    Unit unit{name, std::nullopt, std::nullopt, {}};
    if (base != services.end()) {
      unit.path = base->second.path;
      unit.state = base->second.state;
    }
    services.try_emplace(name, std::move(unit));
  }
  for (const auto& [name, unit] : services) {
    const LoadedUnit loaded = units.load(unit);
    const auto description = loaded.file.value("Unit", "Description");
    const auto exec = joined(loaded.file.values("Service", "ExecStart"));
    const auto user = loaded.file.value("Service", "User");
    const auto known = [](const std::string& text) {
      return text.empty() ? std::nullopt : std::optional(text);
    };
    output.add(Row()
                   .add("name", name)
                   .add("enabled", unit.state)
                   .add("running", running.of(name))
                   .add("description", known(description))
                   .add("path", unit.path)
                   .add("exec", known(exec))
                   .add("user", known(user))
                   .add("drop_ins", loaded.drop_ins));
  }
  return {};
}

}  // namespace reachback::agent::builtin
