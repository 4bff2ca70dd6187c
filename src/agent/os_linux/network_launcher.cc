#include "agent/os_linux/network_launcher.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace reachback::agent {
namespace {

// Test builds: a failpoint is for the first network process only, as a process that was started by
// hand would have it once; a sanitizer's options are for all.
std::vector<std::string> environment_of(bool is_first) {
  std::vector<std::string> out;
  std::vector<const char*> names;
#ifdef REACHBACK_TEST_HOOKS
  names = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "REACHBACK_FAILPOINT_LOG"};
  if (is_first) {
    names.push_back("REACHBACK_FAILPOINT");
  }
#endif
  static_cast<void>(is_first);
  for (const char* name : names) {
    if (const char* value = std::getenv(name)) {
      out.push_back(std::string(name) + "=" + value);
    }
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) {
    out.push_back(text.data());
  }
  out.push_back(nullptr);
  return out;
}

// In the child: system calls only. The descriptors are above the ones that are set.
[[noreturn]] void become(char** argv, char** envp, int null, int log, int seam) {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int n = 1; n < NSIG; ++n) {
    ::sigaction(n, &standard, nullptr);
  }
  ::dup2(null, 0);
  ::dup2(null, 1);
  ::dup2(log, 2);
  ::dup2(seam, kSeamFd);
  ::syscall(SYS_close_range, static_cast<unsigned>(kSeamFd + 1), ~0u, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve("/proc/self/exe", argv, envp);
  ::_exit(126);
}

Result<Fd> above_the_named(int fd) {
  Fd out(::fcntl(fd, F_DUPFD_CLOEXEC, kSeamFd + 1));
  return out.valid() ? Result<Fd>(std::move(out)) : errno_error("duplicate a descriptor");
}

class Launcher : public NetworkLauncher {
 public:
  explicit Launcher(std::shared_ptr<Bystander> bystander) : bystander_(std::move(bystander)) {}

  Result<NetworkProcess> launch() override {
    int seam[2], log[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, seam) != 0) {
      return errno_error("make the seam");
    }
    NetworkProcess out;
    out.socket = Fd(seam[0]);
    Fd other_end(seam[1]);
    if (::pipe2(log, O_CLOEXEC) != 0) {
      return errno_error("make a pipe");
    }
    out.log = Fd(log[0]);
    Fd log_end(log[1]);
    ::fcntl(out.log.get(), F_SETFL, O_NONBLOCK);
    RB_TRY_ASSIGN(Fd null, open_file("/dev/null", O_RDWR));
    RB_TRY_ASSIGN(Fd high_null, above_the_named(null.get()));
    RB_TRY_ASSIGN(Fd high_log, above_the_named(log_end.get()));
    RB_TRY_ASSIGN(Fd high_seam, above_the_named(other_end.get()));
    std::vector<std::string> words = {"reachback-agent", kNetworkCommand,
                                      std::to_string(::getpid())};
    auto environment = environment_of(is_first_);
    auto argv = pointers(words);
    auto envp = pointers(environment);
    // No handler of ours may run in the child: it shares the memory until it has become another.
    sigset_t all, before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    // Not fork(): a copy of the supervisor's memory would hold the machine's key. Not
    // posix_spawn(): it does not close all descriptors but one. become() makes system calls only.
    // NOLINTNEXTLINE(bugprone-unsafe-functions,cert-*,clang-analyzer-security.insecureAPI.vfork)
    const pid_t pid = ::vfork();
    if (pid == 0) {
      // NOLINTNEXTLINE(clang-analyzer-unix.Vfork): as above
      become(argv.data(), envp.data(), high_null.get(), high_log.get(), high_seam.get());
    }
    const int error_number = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) {
      errno = error_number;
      return errno_error("start the network process");
    }
    is_first_ = false;
    out.pid = pid;
    out.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!out.pidfd.valid()) {
      const Error error = errno_error("watch the network process");
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
      return error;
    }
    bystander_->pid = pid;
    return out;
  }

  void kill(const NetworkProcess& process) override {
    ::syscall(SYS_pidfd_send_signal, process.pidfd.get(), SIGKILL, nullptr, 0);
  }

  std::string bury(const NetworkProcess& process) override {
    int status = 0;
    pid_t buried = 0;
    do {
      buried = ::waitpid(process.pid, &status, 0);
    } while (buried < 0 && errno == EINTR);
    if (bystander_->pid == process.pid) {
      bystander_->pid = 0;
    }
    // Whoever buries scripts may have been faster.
    return how_it_ended(buried < 0 ? bystander_->status : status);
  }

 private:
  std::shared_ptr<Bystander> bystander_;
  bool is_first_ = true;
};

}  // namespace

std::string how_it_ended(int status) {
  if (!WIFSIGNALED(status)) {
    return "exit status " + std::to_string(WEXITSTATUS(status));
  }
  const int number = WTERMSIG(status);
  const std::string text = "signal " + std::to_string(number);
  return number == SIGSYS ? text + ": a system call that api/network-syscalls.txt does not name"
                          : text;
}

std::unique_ptr<NetworkLauncher> make_network_launcher(std::shared_ptr<Bystander> bystander) {
  return std::make_unique<Launcher>(std::move(bystander));
}

Result<NetworkUser> find_network_user(const std::string& wanted) {
  std::vector<std::string> names = {"reachback-agent", "nobody"};
  if (!wanted.empty()) {
    names = {wanted};
  }
  for (const std::string& name : names) {
    // Not getpwnam(): in a static program it would load the name service's modules. The agent's
    // user is a system user, which stands in the file.
    RB_TRY_ASSIGN(const std::string users, read_file("/etc/passwd"));
    for (std::string_view rest = users; !rest.empty();) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (!line.starts_with(name) || line.substr(name.size(), 1) != ":") {
        continue;
      }
      std::array<std::string_view, 4> fields{};
      for (auto& field : fields) {
        field = line.substr(0, line.find(':'));
        line.remove_prefix(std::min(field.size() + 1, line.size()));
      }
      NetworkUser out{name, 0, 0};
      out.uid = static_cast<uid_t>(std::strtoul(std::string(fields[2]).c_str(), nullptr, 10));
      out.gid = static_cast<gid_t>(std::strtoul(std::string(fields[3]).c_str(), nullptr, 10));
      if (out.uid == 0 || out.gid == 0) {
        return Error{Errc::forbidden, "user " + name + ": is root"};
      }
      return out;
    }
  }
  return Error{Errc::not_found, "user " + names.back() + ": not in /etc/passwd"};
}

}  // namespace reachback::agent
