#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "agent/builtin/test_system.h"

namespace reachback::agent::builtin {
namespace {

class FindFiles : public MadeUpSystem {
 protected:
  Texts paths(const std::string& name, const std::string& path = "/") const {
    auto found = tell({"findfile", "name=" + name, "path=" + path}).all("path");
    std::sort(found.begin(), found.end());
    return found;
  }
};

TEST_F(FindFiles, GoByTheLastPartOfAPath) {
  write("/etc/ssh/sshd_config", "12345");
  write("/etc/ssh/ssh_config");
  write("/opt/sshd_config");
  write("/opt/ü");
  make_folder("/srv/sshd_config");
  EXPECT_EQ(paths("sshd_*"),
            (Texts{"\"/etc/ssh/sshd_config\"", "\"/opt/sshd_config\"", "\"/srv/sshd_config\""}));
  EXPECT_EQ(paths("ssh?_config", "/etc"), Texts{"\"/etc/ssh/sshd_config\""});
  EXPECT_EQ(paths("?", "/opt"), Texts{"\"/opt/ü\""}) << "a character, not a byte";
  EXPECT_EQ(paths("etc/*"), Texts{});
  EXPECT_EQ(paths("SSHD*"), Texts{});
  const auto row = tell({"findfile", "name=sshd_config"}).row("path", "\"/etc/ssh/sshd_config\"");
  EXPECT_EQ(Told::of(row, "type"), "\"file\"");
  EXPECT_EQ(Told::of(row, "size"), "5");
  EXPECT_EQ(tell({"findfile", "name=x", "path=/none"}).exit_code, 1);
  EXPECT_EQ(tell({"findfile", "name=x", "path=/opt/sshd_config"}).exit_code, 1);
  EXPECT_EQ(tell({"findfile", "name=nothing"}).exit_code, 0);
}

TEST_F(FindFiles, FollowNoLink) {
  write("/real/x");
  link("/real", "/to_real");
  link("..", "/real/up");
  EXPECT_EQ(paths("x"), Texts{"\"/real/x\""});
  EXPECT_EQ(paths("x", "/to_real"), Texts{"\"/real/x\""}) << "but for the one to begin at";
}

TEST_F(FindFiles, BearHostileTrees) {
  write("/d/a\nb/\xff.txt");
  EXPECT_EQ(paths("*.txt"), Texts{"\"/d/a\\nb/\xef\xbf\xbd.txt\""});
  // Deeper than may be gone, and than a path can say.
  Fd at(::open(in("/d").c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "deeper-and-deeper", 0700), 0);
    at = Fd(::openat(at.get(), "deeper-and-deeper", O_RDONLY | O_DIRECTORY));
  }
  write("/z/last.txt");
  const Told answer = tell({"findfile", "name=*.txt"});
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_EQ(answer.rows.size(), 2u) << "the rest is searched all the same";
  ASSERT_EQ(answer.notes.size(), 1u);
  EXPECT_NE(answer.notes[0].find("lies more than 400 folders deep"), std::string::npos);
}

// In a mount namespace of its own, which goes with the process.
TEST_F(FindFiles, DoNotGoIntoWhatTheKernelMakes) {
  make_folder("/proc");
  make_folder("/data");
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("proc", in("/proc").c_str(), "proc", 0, nullptr) != 0 ||
        ::mount("tmpfs", in("/data").c_str(), "tmpfs", 0, nullptr) != 0) {
      ::_exit(2);
    }
    write("/data/meminfo");
    const bool all = paths("meminfo") == Texts{"\"/data/meminfo\""};
    const bool asked = !paths("meminfo", "/proc").empty();
    ::_exit(all && asked ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2) {
    GTEST_SKIP() << "may not mount here";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace reachback::agent::builtin
