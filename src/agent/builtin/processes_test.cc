// processes and connections: of a made-up /proc, and of this machine.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "agent/builtin/test_child.h"
#include "agent/builtin/test_system.h"
#include "base/time.h"

namespace reachback::agent::builtin {
namespace {

class Processes : public MadeUpSystem {
 protected:
  void SetUp() override {
    write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n");
    write("/proc/stat", "cpu 1 2 3\nbtime 1700000000\nprocesses 9\n");
    add("7", "(7) (evil) S\n1 2", "S 1", 1000, std::string("/tmp/evil\0--now\0a b\0", 19));
    link("/tmp/evil (deleted)", "/proc/7/exe");
    add("3", "kthreadd", "S 2", 0, "");
    add("20", "python3", "R 7", 0, std::string("/usr/bin/python3\0/opt/job.py\0", 29));
    link("/usr/bin/python3.11", "/proc/20/exe");
    write("/proc/self-not-a-number/stat", "x");
    make_folder("/proc/99");  // it goes while it is looked at
  }
  // behind: state and parent; user 1.5 s, system 0.25 s, started 10 s after the boot, 25 pages.
  void add(const std::string& pid, const std::string& name, const std::string& behind, int uid,
           std::string_view command_line) const {
    const auto ticks = ::sysconf(_SC_CLK_TCK);
    const std::string stat = pid + " (" + name + ") " + behind + " 1 1 0 -1 0 0 0 0 0 " +
                             std::to_string(ticks * 3 / 2) + " " + std::to_string(ticks / 4) +
                             " 0 0 20 0 1 0 " + std::to_string(ticks * 10) + " 5000 25 99\n";
    write("/proc/" + pid + "/stat", stat);
    write("/proc/" + pid + "/status", "Name:\tx\nUid:\t0\t" + std::to_string(uid) + "\t0\t0\n");
    write("/proc/" + pid + "/cmdline", command_line);
  }
};

TEST_F(Processes, AreToldFromProcSortedByNumber) {
  const Told answer = tell({"processes"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_EQ(answer.all("pid"), (Texts{"3", "7", "20"}));
  EXPECT_EQ(answer.all("ppid"), (Texts{"2", "1", "7"}));
  EXPECT_EQ(answer.all("user"), (Texts{"\"root\"", "\"alice\"", "\"root\""}));
  EXPECT_EQ(answer.all("name"), (Texts{"\"kthreadd\"", "\"(7) (evil) S\\n1 2\"", "\"python3\""}));
  EXPECT_EQ(answer.all("command_line"),
            (Texts{"null", "\"/tmp/evil --now a b\"", "\"/usr/bin/python3 /opt/job.py\""}));
  EXPECT_EQ(answer.all("state"), (Texts{"\"S\"", "\"S\"", "\"R\""}));
  EXPECT_EQ(answer.all("path"), (Texts{"null", "\"/tmp/evil\"", "\"/usr/bin/python3.11\""}));
  EXPECT_EQ(answer.all("deleted"), (Texts{"false", "true", "false"}));
  const auto row = answer.row("pid", "7");
  EXPECT_EQ(Told::of(row, "started"), "\"2023-11-14T22:13:30Z\"");
  EXPECT_EQ(row.at("cpu_seconds").to_number<double>(), 1.75);
  EXPECT_EQ(Told::of(row, "memory_bytes"), std::to_string(25 * ::sysconf(_SC_PAGESIZE)));
}

TEST_F(Processes, CanBeAskedForByNumberOrName) {
  EXPECT_EQ(tell({"processes", "pid=20"}).all("pid"), Texts{"20"});
  EXPECT_EQ(tell({"processes", "name=python3"}).all("pid"), Texts{"20"});
  EXPECT_EQ(tell({"processes", "name=python3.11"}).all("pid"), Texts{"20"}) << "its program";
  EXPECT_EQ(tell({"processes", "name=evil"}).all("pid"), Texts{"7"}) << "its first word";
  EXPECT_EQ(tell({"processes", "name=kthreadd"}).all("pid"), Texts{"3"});
  const Told none = tell({"processes", "pid=21"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.notes, Texts{"NotFound: 21: there is no such process"});
  const Told unnamed = tell({"processes", "name=nobody"});
  EXPECT_EQ(unnamed.exit_code, 0);
  EXPECT_TRUE(unnamed.rows.empty());
}

TEST(ProcessesOfThisMachine, HaveThisTestAmongThem) {
  const Told answer = told({{"processes"}, "/", {}}, "");
  const auto row = answer.row("pid", std::to_string(::getpid()));
  EXPECT_EQ(Told::of(row, "ppid"), std::to_string(::getppid()));
  EXPECT_EQ(Told::of(row, "uid"), std::to_string(::geteuid()));
  EXPECT_EQ(Told::of(row, "deleted"), "false");
  EXPECT_EQ(Told::of(row, "path"),
            json::quote(std::filesystem::read_symlink("/proc/self/exe").string()));
  EXPECT_GT(row.at("memory_bytes").to_number<std::uint64_t>(), 1u << 20);
  const auto started = parse_time(std::string(row.at("started").as_string()));
  ASSERT_TRUE(started.has_value());
  const auto ago = std::chrono::system_clock::now() - *started;
  EXPECT_GT(ago, std::chrono::minutes(-1));
  EXPECT_LT(ago, std::chrono::hours(12));
}

// A copy of a small program, run and removed, beside one whose name only looks so.
TEST(ProcessesOfThisMachine, ThatRunADeletedProgramAreToldFromThoseCalledSo) {
  const reachback::testing::TemporaryFolder folder;
  for (const bool is_removed : {true, false}) {
    const std::string path = folder / (is_removed ? "gone" : "here (deleted)");
    std::filesystem::copy_file("/bin/sleep", path);
    int ready[2];
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl(path.c_str(), path.c_str(), "60", nullptr);
      ::_exit(1);
    }
    ::close(ready[1]);
    char byte;
    EXPECT_EQ(::read(ready[0], &byte, 1), 0);  // closed by the exec
    ::close(ready[0]);
    if (is_removed) {
      std::filesystem::remove(path);
    }
    const Told answer = told({{"processes", "pid=" + std::to_string(child)}, "/", {}}, "");
    EXPECT_EQ(answer.all("deleted"), Texts{is_removed ? "true" : "false"});
    EXPECT_EQ(answer.all("path"), Texts{json::quote(path)});
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
}

TEST(ProcessesOfThisMachine, ThatEndMeanwhileAreLeftOut) {
  std::atomic<bool> is_over = false;
  std::thread churn([&] {
    while (!is_over) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::_exit(0);
      }
      ::waitpid(child, nullptr, 0);
    }
  });
  for (int i = 0; i < 5; ++i) {
    const Told answer = told({{"processes"}, "/", {}}, "");
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_TRUE(answer.notes.empty()) << answer.notes[0];
  }
  is_over = true;
  churn.join();
}

TEST_F(Processes, HoldTheConnections) {
  const std::string heading =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n";
  write("/proc/net/tcp",
        heading +
            "   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000     "
            "   0 111 1 0 100 0 0 10 0\n"
            "   1: 0A00020A:C350 0101A8C0:01BB 01 00000000:00000000 00:00000000 00000000     0     "
            "   0 222 1 0 100 0 0 10 0\n"
            "   2: 0A00020A:C351 0101A8C0:01BB 06 00000000:00000000 00:00000000 00000000     0     "
            "   0 0 1 0\n"
            "   broken line\n");
  write("/proc/net/tcp6",
        heading +
            "   0: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A "
            "0:0 00:0 0 0 0 333 1 0\n");
  write("/proc/net/udp",
        heading + "  88: 00000000:0044 00000000:0000 07 0:0 00:0 0 0 0 444 2 0 0\n");
  link("socket:[111]", "/proc/20/fd/5");
  link("socket:[111]", "/proc/7/fd/6");
  link("socket:[222]", "/proc/20/fd/6");
  link("/dev/null", "/proc/20/fd/0");
  link("pipe:[444]", "/proc/20/fd/1");
  const Told answer = tell({"connections"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_TRUE(answer.notes.empty());
  EXPECT_EQ(answer.all("protocol"),
            (Texts{"\"tcp\"", "\"tcp\"", "\"tcp\"", "\"tcp6\"", "\"udp\""}));
  EXPECT_EQ(answer.all("local_address"), (Texts{"\"127.0.0.1\"", "\"10.2.0.10\"", "\"10.2.0.10\"",
                                                "\"::ffff:127.0.0.1\"", "\"0.0.0.0\""}));
  EXPECT_EQ(answer.all("local_port"), (Texts{"22", "50000", "50001", "80", "68"}));
  EXPECT_EQ(answer.all("remote_address")[1], "\"192.168.1.1\"");
  EXPECT_EQ(answer.all("remote_port")[1], "443");
  EXPECT_EQ(answer.all("state"),
            (Texts{"\"LISTEN\"", "\"ESTAB\"", "\"TIME-WAIT\"", "\"LISTEN\"", "\"UNCONN\""}));
  EXPECT_EQ(answer.all("pid"), (Texts{"7", "20", "null", "null", "null"}));
  EXPECT_EQ(answer.all("process")[1], "\"python3\"");
  EXPECT_EQ(answer.all("user"), (Texts{"\"alice\"", "\"root\"", "null", "\"root\"", "\"root\""}));
}

TEST_F(Processes, WhoseSocketsCannotBeLookedAtAreNoted) {
  write("/proc/net/tcp", "");
  for (const char* pid : {"3", "7", "20"}) {
    make_folder(std::string("/proc/") + pid + "/fd");
  }
  std::filesystem::permissions(folder_.path(), static_cast<std::filesystem::perms>(0755));
  for (const char* pid : {"7", "20"}) {
    std::filesystem::permissions(in(std::string("/proc/") + pid + "/fd"),
                                 static_cast<std::filesystem::perms>(0700));
  }
  const Child child = in_child(become_nobody, [this] {
    const Told answer = tell({"connections"});
    return answer.exit_code == 0 &&
           answer.notes == Texts{"NotAllowed: /proc/7/fd: Permission denied; and 1 more like it"};
  });
  if (child == Child::may_not) {
    GTEST_SKIP() << "needs root";
  }
  EXPECT_EQ(child, Child::held);
}

TEST(ConnectionsOfThisMachine, HaveASocketOfThisTestAmongThem) {
  for (const int family : {AF_INET, AF_INET6}) {
    const Fd socket(::socket(family, SOCK_STREAM, 0));
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_four = family == AF_INET;
    auto* address =
        is_four ? reinterpret_cast<sockaddr*>(&four) : reinterpret_cast<sockaddr*>(&six);
    socklen_t size = is_four ? sizeof four : sizeof six;
    if (::bind(socket.get(), address, size) != 0) {
      ASSERT_FALSE(is_four);
      continue;  // a machine without IPv6
    }
    ASSERT_EQ(::listen(socket.get(), 1), 0);
    ASSERT_EQ(::getsockname(socket.get(), address, &size), 0);
    const Told answer = told({{"connections"}, "/", {}}, "");
    bool found = false;
    for (const auto& row : answer.rows) {
      found = found || (Told::of(row, "pid") == std::to_string(::getpid()) &&
                        Told::of(row, "protocol") == (is_four ? "\"tcp\"" : "\"tcp6\"") &&
                        Told::of(row, "local_address") == (is_four ? "\"127.0.0.1\"" : "\"::1\"") &&
                        Told::of(row, "local_port") ==
                            std::to_string(ntohs(is_four ? four.sin_port : six.sin6_port)) &&
                        Told::of(row, "state") == "\"LISTEN\"");
    }
    EXPECT_TRUE(found);
  }
}

}  // namespace
}  // namespace reachback::agent::builtin
