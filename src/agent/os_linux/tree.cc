#include "agent/os_linux/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <set>
#include <vector>

namespace reachback::agent {
namespace {

using SteadyClock = std::chrono::steady_clock;  // Bounds a wait only.
constexpr auto kKillPatience = std::chrono::seconds(2);

// Files of /proc and cgroupfs say size 0.
std::string read_small(const std::string& path, std::size_t bytes_max = 1 << 16) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd.ok()) {
    return {};
  }
  std::string out(bytes_max, '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t n = ::read(fd->get(), out.data() + size, out.size() - size);
    if (n <= 0) {
      break;
    }
    size += static_cast<std::size_t>(n);
  }
  out.resize(size);
  return out;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> out;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) {
    return out;
  }
  while (const dirent* entry = ::readdir(proc)) {
    pid_t pid = 0;
    const char* end = entry->d_name + std::char_traits<char>::length(entry->d_name);
    auto [stop, error] = std::from_chars(entry->d_name, end, pid);
    if (error == std::errc() && stop == end) {
      out.push_back(pid);
    }
  }
  ::closedir(proc);
  return out;
}

std::vector<std::string> folders_with_prefix(const std::string& parent, const std::string& prefix) {
  std::vector<std::string> out;
  DIR* dir = ::opendir(parent.c_str());
  while (const dirent* entry = dir == nullptr ? nullptr : ::readdir(dir)) {
    if (std::string_view(entry->d_name).starts_with(prefix)) {
      out.push_back(parent + "/" + entry->d_name);
    }
  }
  if (dir != nullptr) {
    ::closedir(dir);
  }
  return out;
}

bool is_populated(const std::string& cgroup) {
  return read_small(cgroup + "/cgroup.events", 4096).find("populated 1") != std::string::npos;
}

void kill_cgroup(const std::string& cgroup, SteadyClock::time_point give_up,
                 const std::function<void()>& reap) {
  const auto kill_file = open_file(cgroup + "/cgroup.kill", O_WRONLY);
  auto events = open_file(cgroup + "/cgroup.events", O_RDONLY);
  if (!kill_file.ok() || !events.ok() || !write_all(kill_file->get(), "1").ok()) {
    return;
  }
  while (is_populated(cgroup) && SteadyClock::now() < give_up) {
    pollfd wait{events->get(), POLLPRI, 0};
    ::poll(&wait, 1, 5);  // Woken by the change; the bound covers one that came before.
    reap();
  }
}

// Whether a process that is born there lives: a cgroup whose parent was killed once gives still
// births.
bool can_live_in(int cgroup) {
  clone_args args{};
  args.flags = CLONE_VFORK | CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<std::uint64_t>(cgroup);
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
  if (pid == 0) {
    ::_exit(0);
  }
  int status = -1;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
}

// Every living descendant of this process, but for `spared` and what descends from it.
std::set<pid_t> descendants(pid_t spared) {
  std::map<pid_t, std::vector<pid_t>> children;
  std::set<pid_t> zombies;
  for (pid_t pid : all_processes()) {
    // "pid (comm) state ppid …": comm may hold anything, so count from its last ')'.
    const std::string stat = read_small("/proc/" + std::to_string(pid) + "/stat", 1024);
    const auto comm_end = stat.rfind(')');
    if (comm_end == std::string::npos || comm_end + 4 > stat.size()) {
      continue;
    }
    if (stat[comm_end + 2] == 'Z' || stat[comm_end + 2] == 'X') {
      zombies.insert(pid);
    }
    pid_t parent = 0;
    std::from_chars(stat.data() + comm_end + 4, stat.data() + stat.size(), parent);
    children[parent].push_back(pid);
  }
  std::set<pid_t> out;
  std::vector<pid_t> open = {::getpid()};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    for (pid_t child : children[parent]) {
      if (child != spared && out.insert(child).second) {
        open.push_back(child);
      }
    }
  }
  for (pid_t pid : zombies) {
    out.erase(pid);
  }
  return out;
}

}  // namespace

ProcessTree::ProcessTree(TreeOptions options) : options_(std::move(options)) {}

ProcessTree::~ProcessTree() {
  leave_cgroup();
}

void ProcessTree::leave_cgroup() {
  fd_.reset();
  if (!folder_.empty()) {
    ::rmdir(folder_.c_str());
    folder_.clear();
  }
}

int ProcessTree::cgroup_fd() {
  if (fd_.valid() || options_.leaf.empty() || refused_) {
    return fd_.get();
  }
  refused_ = true;
  const std::string& own = options_.cgroup.folder;
  if (own.empty()) {
    return -1;
  }
  if (!cleared_) {
    cleared_ = true;
    for (const std::string& left : folders_with_prefix(own, options_.leaf)) {
      kill_cgroup(left, SteadyClock::now() + kKillPatience, [] {});
      ::rmdir(left.c_str());
    }
  }
  std::string folder = own + "/" + options_.leaf + "-" + std::to_string(made_++);
  if (::mkdir(folder.c_str(), 0700) != 0) {
    return -1;
  }
  if (::access((folder + "/cgroup.kill").c_str(), W_OK) != 0) {
    ::rmdir(folder.c_str());
    return -1;
  }
  auto fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (!fd.ok() || !can_live_in(fd->get())) {
    ::rmdir(folder.c_str());
    return -1;
  }
  set_limits(folder, options_.limits);
  refused_ = false;
  folder_ = std::move(folder);
  fd_ = std::move(*fd);
  return fd_.get();
}

bool ProcessTree::any_left() {
  if (fd_.valid() && is_populated(folder_)) {
    return true;
  }
  // A process may have been moved out of the cgroup, or born outside when clone3 could not.
  const std::string children = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
  if (::access(children.c_str(), R_OK) == 0) {
    std::string only = read_small(children, 64);  // "12 34 "
    if (!only.empty() && only.back() == ' ') {
      only.pop_back();
    }
    if (only.empty() || only == std::to_string(options_.bystander->pid)) {
      return false;
    }
  }
  return !descendants(options_.bystander->pid).empty();
}

bool ProcessTree::kill_all(const std::function<void()>& reap) {
  const auto give_up = SteadyClock::now() + kKillPatience;
  if (fd_.valid()) {
    kill_cgroup(folder_, give_up, reap);
  }
  reap();
  // Linux 6.13 and later compare the count of kills of the cgroup a process is born in with that of
  // its parent's, so that after one kill whatever clone3 puts there dies at once: take another.
  leave_cgroup();
  while (SteadyClock::now() < give_up) {
    // Stopping all before killing any: what forks faster than it is killed has to stand still.
    std::set<pid_t> stopped;
    for (bool more = true; more && SteadyClock::now() < give_up;) {
      more = false;
      for (pid_t pid : descendants(options_.bystander->pid)) {
        if (stopped.insert(pid).second) {
          ::kill(pid, SIGSTOP);
          more = true;
        }
      }
    }
    if (stopped.empty()) {
      return true;
    }
    for (pid_t pid : stopped) {
      ::kill(pid, SIGKILL);
    }
    reap();
    ::poll(nullptr, 0, 1);
    reap();
  }
  return !any_left();
}

std::vector<pid_t> processes_with_environment(const std::string& variable) {
  std::vector<pid_t> out;
  for (pid_t pid : all_processes()) {
    if (pid == ::getpid()) {
      continue;
    }
    const std::string environment =
        '\0' + read_small("/proc/" + std::to_string(pid) + "/environ", 1 << 17) + '\0';
    if (environment.find('\0' + variable + '\0') != std::string::npos) {
      out.push_back(pid);
    }
  }
  return out;
}

}  // namespace reachback::agent
