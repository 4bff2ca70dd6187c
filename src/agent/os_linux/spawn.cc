#include "agent/os_linux/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace reachback::agent {
namespace {

// What the child tells before it is gone.
struct Failure {
  int error = 0;
  char stage = 0;  // 'd' folder, 't' terminal, 'x' program
};

struct ChildPlan {
  const char* program;
  char** argv;
  char** envp;
  const char* folder;
  int in_fd, out_fd, err_fd, script_fd, report_fd;
  bool terminal;
  pid_t parent;
  std::uint64_t data_bytes_max;  // 0: unlimited
};

[[noreturn]] void fail_child(const ChildPlan& plan, char stage) {
  Failure failure{errno, stage};
  [[maybe_unused]] auto n = ::write(plan.report_fd, &failure, sizeof failure);
  ::_exit(127);
}

// In the child: system calls only. Every descriptor of the plan is above the ones that are set.
[[noreturn]] void run_child(const ChildPlan& plan) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) {
    ::_exit(127);
  }
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int n = 1; n < NSIG; ++n) {
    ::sigaction(n, &standard, nullptr);
  }
  ::dup2(plan.in_fd, 0);
  ::dup2(plan.out_fd, 1);
  ::dup2(plan.err_fd, 2);
  int first = kScriptFd;
  if (plan.script_fd >= 0) {
    ::dup2(plan.script_fd, first++);
  }
  const int report = ::fcntl(plan.report_fd, F_DUPFD_CLOEXEC, first);
  ChildPlan last = plan;
  last.report_fd = report;
  ::umask(022);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (plan.data_bytes_max != 0) {
    const rlimit data{plan.data_bytes_max, plan.data_bytes_max};
    ::setrlimit(RLIMIT_DATA, &data);
  }
  if (plan.terminal && ::ioctl(0, TIOCSCTTY, 0) != 0) {
    fail_child(last, 't');
  }
  if (::chdir(plan.folder) != 0) {
    fail_child(last, 'd');
  }
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
    for (int fd = first; fd < 65536; ++fd) {  // Linux before 5.11
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.program, plan.argv, plan.envp);
  fail_child(last, 'x');
}

// clone3 with CLONE_VFORK: the parent goes on when the child has executed or ended, so the report
// is complete, and no page is copied for a write of the parent.
pid_t start_child(int cgroup_fd, int& pidfd) {
  clone_args args{};
  args.flags = CLONE_VFORK | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) {
    out.push_back(const_cast<char*>(text.c_str()));
  }
  out.push_back(nullptr);
  return out;
}

Result<Fd> above_the_named(int fd) {
  Fd out(::fcntl(fd, F_DUPFD_CLOEXEC, kScriptFd + 1));
  return out.valid() ? Result<Fd>(std::move(out)) : errno_error("duplicate a descriptor");
}

}  // namespace

Result<Spawned> spawn(const ProcessSpec& spec, const ProcessLimits& limits, int stdout_fd,
                      int stderr_fd, int cgroup_fd) {
  RB_TRY_ASSIGN(Fd null, open_file("/dev/null", O_RDONLY));
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) {
    return errno_error("make a pipe");
  }
  Fd report_read(report[0]), report_write(report[1]);
  RB_TRY_ASSIGN(Fd high_in, above_the_named(spec.terminal ? stdout_fd : null.get()));
  RB_TRY_ASSIGN(Fd high_out, above_the_named(stdout_fd));
  RB_TRY_ASSIGN(Fd high_err, above_the_named(stderr_fd));
  RB_TRY_ASSIGN(Fd high_report, above_the_named(report_write.get()));
  Fd high_script;
  if (spec.script_fd >= 0) {
    RB_TRY_ASSIGN(high_script, above_the_named(spec.script_fd));
  }
  auto argv = pointers(spec.arguments);
  auto envp = pointers(spec.environment);
  const ChildPlan plan{
      spec.program.c_str(),
      argv.data(),
      envp.data(),
      spec.folder.c_str(),
      high_in.get(),
      high_out.get(),
      high_err.get(),
      high_script.get(),
      high_report.get(),
      spec.terminal.has_value(),
      ::getpid(),
      limits.memory_by_cgroup || spec.is_own_program ? 0 : limits.memory_bytes_max};
  // No handler of ours may run in the child: it would write to descriptors that both share.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  pid_t pid = start_child(cgroup_fd, pidfd);
  if (pid < 0 && cgroup_fd >= 0) {
    pid = start_child(-1, pidfd);  // The walk over /proc ends the tree then.
  }
  if (pid < 0 && (errno == ENOSYS || errno == EPERM)) {  // a container's filter on clone3
    pid = ::fork();
  }
  if (pid == 0) {
    run_child(plan);
  }
  const int start_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    errno = start_error;
    return errno_error("start a process");
  }
  if (pidfd < 0) {
    pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  }
  Spawned out{pid, Fd(pidfd)};
  report_write.reset();
  high_report.reset();
  Failure failure;
  ssize_t n = 0;
  do {
    n = ::read(report_read.get(), &failure, sizeof failure);
  } while (n < 0 && errno == EINTR);
  if (n != sizeof failure && out.pidfd.valid()) {
    return out;
  }
  const int pidfd_error = errno;
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (n != sizeof failure) {
    errno = pidfd_error;
    return errno_error("watch a process");
  }
  errno = failure.error;
  return failure.stage == 'd'   ? errno_error("enter folder", spec.folder)
         : failure.stage == 't' ? errno_error("take the terminal")
                                : errno_error("run", spec.program);
}

}  // namespace reachback::agent
