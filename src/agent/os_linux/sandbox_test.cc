// What the network process can still do: each row is tried in a child that has entered the sandbox.
#include "agent/os_linux/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <functional>

#include "agent/os_linux/network_launcher.h"
#include "agent/os_linux/test_support.h"
#include "agent/ports/memory_file.h"

namespace reachback::agent {
namespace {

constexpr int kDone = 0;     // the child could do it
constexpr int kRefused = 1;  // it got an error
constexpr int kNoSandbox = 99;

Sandbox sandbox_for_tests() {
  Sandbox out;
  out.parent = ::getppid();
  if (::geteuid() == 0) {
    out.switch_user = true;
    out.uid = out.gid = 65534;
  }
  out.ports = {443};
  return out;
}

// The wait status of a child in the sandbox that does `work`, whose result is its exit status.
int in_sandbox(const std::function<int()>& work, bool resolves_names = false) {
  const pid_t child = ::fork();
  if (child == 0) {
    Sandbox sandbox = sandbox_for_tests();
    sandbox.resolves_names = resolves_names;
    auto level = enter_sandbox(sandbox);
    if (!level.ok() || !level->system_calls_filtered || !level->no_new_privileges) {
      ::_exit(kNoSandbox);
    }
    ::_exit(work());
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

int refused_if(bool failed) {
  return failed ? kRefused : kDone;
}

bool has_landlock(std::uint32_t version) {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) >= static_cast<long>(version);
}

TEST(NetworkSandbox, EndsTheProcessForWhatItHasNoUseFor) {
  TestFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  const std::string file = folder.file("file");
  ASSERT_TRUE(write_file_durably(file, "x", 0666).ok());
  const pid_t parent = ::getpid();
  const std::pair<const char*, std::function<int()>> rows[] = {
      {"runs a program",
       [] {
         char* const argv[] = {const_cast<char*>("/bin/true"), nullptr};
         return ::execve(argv[0], argv, argv + 1);
       }},
      {"makes a process",
       [] { return static_cast<int>(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }},
      {"traces", [=] { return static_cast<int>(::ptrace(PTRACE_ATTACH, parent, 0, 0)); }},
      {"signals", [=] { return ::kill(parent, 0); }},
      {"opens for writing", [&] { return ::open(file.c_str(), O_WRONLY); }},
      {"creates", [&] { return ::open(folder.file("new").c_str(), O_RDONLY | O_CREAT, 0600); }},
      {"empties", [&] { return ::open(file.c_str(), O_RDONLY | O_TRUNC); }},
      {"removes", [&] { return ::unlink(file.c_str()); }},
      {"renames", [&] { return ::rename(file.c_str(), folder.file("other").c_str()); }},
      {"links", [&] { return ::symlink("/", folder.file("link").c_str()); }},
      {"makes a folder", [&] { return ::mkdir(folder.file("folder").c_str(), 0700); }},
      {"changes a mode", [&] { return ::chmod(file.c_str(), 0777); }},
      {"lists a folder", [] { return static_cast<int>(::syscall(SYS_getdents64, 0, nullptr, 0)); }},
      {"becomes root", [] { return ::setuid(0); }},
      {"takes a capability",
       [] { return static_cast<int>(::syscall(SYS_capset, nullptr, nullptr)); }},
      {"mounts", [] { return ::mount("none", "/mnt", "tmpfs", 0, nullptr); }},
      {"leaves its namespaces", [] { return ::unshare(CLONE_NEWUSER); }},
      {"writes another's memory",
       [=] { return static_cast<int>(::syscall(SYS_process_vm_writev, parent, 0, 0, 0, 0, 0)); }},
      {"loads code for the kernel", [] { return static_cast<int>(::syscall(SYS_bpf, 0, 0, 0)); }},
      {"makes a ring of calls",
       [] { return static_cast<int>(::syscall(SYS_io_uring_setup, 1, 0)); }},
      {"reads keys", [] { return static_cast<int>(::syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }},
      {"listens", [] { return ::listen(0, 1); }},
      {"takes an address",
       [] {
         sockaddr_in any{};
         any.sin_family = AF_INET;
         return ::bind(0, reinterpret_cast<sockaddr*>(&any), sizeof any);
       }},
      {"makes memory executable",
       [] {
         return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                MAP_FAILED;
       }},
      {"raises a limit",
       [] {
         rlimit all{~0ull, ~0ull};
         return static_cast<int>(::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &all, nullptr));
       }},
  };
  for (const auto& [what, work] : rows) {
    const int status = in_sandbox(work);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        << what << ": " << how_it_ended(status);
  }
}

TEST(NetworkSandbox, ReadsNoFileAndReachesNoOtherPort) {
  if (!has_landlock(1)) {
    GTEST_SKIP() << "this kernel has no Landlock";
  }
  TestFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const std::string mine = folder.file("key.pem");
  ASSERT_TRUE(write_file_durably(mine, "secret", 0644).ok());
  const auto reads = [](const std::string& path) {
    return [path] { return refused_if(::open(path.c_str(), O_RDONLY | O_CLOEXEC) < 0); };
  };
  for (const std::string& path : {mine, std::string("/etc/passwd"), std::string("/etc/shadow"),
                                  std::string("/proc/self/environ"), std::string("/etc/hosts")}) {
    EXPECT_EQ(WEXITSTATUS(in_sandbox(reads(path))), kRefused) << path;
  }
  EXPECT_EQ(in_sandbox(reads("/etc/hosts"), /*resolves_names=*/true), kDone);
  EXPECT_EQ(WEXITSTATUS(in_sandbox(reads("/etc/passwd"), /*resolves_names=*/true)), kRefused);
  const auto connects = [](std::uint16_t port) {
    return [port] {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      const bool failed = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0;
      return refused_if(failed && errno == EACCES);
    };
  };
  if (has_landlock(4)) {
    EXPECT_EQ(WEXITSTATUS(in_sandbox(connects(22))), kRefused);
    EXPECT_EQ(in_sandbox(connects(443)), kDone) << "by the sandbox; nobody may be there";
  }
}

TEST(NetworkSandbox, LeavesWhatASessionNeeds) {
  const int status = in_sandbox([] {
    if (::socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT) {
      return 2;
    }
    if (::socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EAFNOSUPPORT) {
      return 3;
    }
    if (::socket(AF_INET6, SOCK_STREAM, 0) < 0 && errno != EAFNOSUPPORT) {
      return 4;
    }
    auto script = make_memory_file();
    if (!script.ok() || !write_all(script->get(), "echo\n").ok()) {
      return 5;
    }
    if (::geteuid() == 0 || ::getegid() == 0) {
      return 6;
    }
    return kDone;
  });
  EXPECT_EQ(status, kDone) << how_it_ended(status);
}

TEST(NetworkSandbox, EndsWithItsSupervisor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t supervisor = ::fork();
  if (supervisor == 0) {
    if (::fork() == 0) {
      static_cast<void>(enter_sandbox(sandbox_for_tests()));
      char ready = 'r';
      static_cast<void>(!::write(ends[1], &ready, 1));
      for (;;) {
        ::poll(nullptr, 0, -1);
      }
    }
    ::close(ends[1]);
    ::pause();
    ::_exit(0);
  }
  ::close(ends[1]);
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  ::kill(supervisor, SIGKILL);
  ::waitpid(supervisor, nullptr, 0);
  EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "the last holder of the pipe is gone";
  ::close(ends[0]);
}

}  // namespace
}  // namespace reachback::agent
