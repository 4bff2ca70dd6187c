#include "agent/os_linux/cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"

namespace reachback::agent {
namespace {

constexpr const char* kAgentFolder = "/agent";

// Files of /proc and cgroupfs say size 0.
std::string read_small(const std::string& path) {
  auto fd = open_file(path, O_RDONLY);
  std::string out(1 << 14, '\0');
  const ssize_t n = fd.ok() ? ::read(fd->get(), out.data(), out.size()) : 0;
  out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return out;
}

bool write_small(const std::string& path, const std::string& text) {
  auto fd = open_file(path, O_WRONLY);
  return fd.ok() && write_all(fd->get(), text).ok();
}

bool has_word(const std::string& text, const std::string& word) {
  return (" " + text).find(" " + word + " ") != std::string::npos;
}

std::string words_of(const std::string& file) {
  std::string text = read_small(file);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

std::string own_cgroup_folder() {
  for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    struct statfs info{};
    if (::statfs(mount, &info) != 0 || info.f_type != CGROUP2_SUPER_MAGIC) {
      continue;
    }
    const std::string text = read_small("/proc/self/cgroup");
    auto at = text.starts_with("0::") ? 0 : text.find("\n0::");
    if (at == std::string::npos) {
      return {};
    }
    at = text.find("0::", at) + 3;
    return mount + text.substr(at, text.find('\n', at) - at);
  }
  return {};
}

CgroupParent prepare_cgroup(const std::string& folder) {
  CgroupParent out;
  if (folder.empty()) {
    out.why_not = "no cgroup v2";
    return out;
  }
  out.folder = folder;
  const std::string offered = words_of(folder + "/cgroup.controllers");
  if (!has_word(offered, "memory") && !has_word(offered, "pids") && !has_word(offered, "cpu")) {
    out.why_not = "no controllers";
    return out;
  }
  const std::string own = std::to_string(::getpid());
  const std::string procs = words_of(folder + "/cgroup.procs");
  if (procs != own + " ") {
    out.why_not = "others share the agent's cgroup";
    return out;
  }
  const std::string inner = folder + kAgentFolder;
  if ((::mkdir(inner.c_str(), 0755) != 0 && errno != EEXIST) ||
      !write_small(inner + "/cgroup.procs", own)) {
    out.why_not = "the agent's cgroup is not delegated to it";
    return out;
  }
  struct {
    const char* name;
    bool& on;
  } controllers[] = {{"memory", out.memory}, {"pids", out.pids}, {"cpu", out.cpu}};
  for (auto& controller : controllers) {
    const std::string name = controller.name;
    controller.on =
        has_word(offered, name) && write_small(folder + "/cgroup.subtree_control", "+" + name);
    if (!controller.on) {
      out.why_not += (out.why_not.empty() ? "no " : ", ") + name;
    }
  }
  return out;
}

void set_limits(const std::string& cgroup, const ProcessLimits& limits) {
  const struct {
    const char* file;
    std::uint64_t value;
  } files[] = {{"memory.max", limits.memory_bytes_max},
               {"pids.max", limits.processes_max},
               {"cpu.weight", limits.cpu_weight}};
  for (const auto& one : files) {
    const std::string path = cgroup + "/" + one.file;
    if (one.value != 0 && path_exists(path) && !write_small(path, std::to_string(one.value))) {
      log_warning("a limit was not set", {field("file", path)});
    }
  }
  if (limits.memory_bytes_max != 0 && path_exists(cgroup + "/memory.oom.group")) {
    // Out of memory: the tree ends as a whole, not a process of it by chance.
    write_small(cgroup + "/memory.oom.group", "1");
  }
}

std::string describe(const CgroupParent& parent) {
  std::string names;
  for (const auto& [on, name] :
       {std::pair(parent.memory, "memory"), {parent.pids, "pids"}, {parent.cpu, "cpu"}}) {
    if (on) {
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
  }
  const std::string why = parent.why_not.empty() ? "" : " (" + parent.why_not + ")";
  if (parent.folder.empty()) {
    return "process by process" + why;
  }
  return names.empty() ? "process by process" + why : "cgroup v2: " + names + why;
}

}  // namespace reachback::agent
