#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/builtin/test_child.h"
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
  const Child child = in_child(
      [this] {
        return leave_mounts() && ::mount("proc", in("/proc").c_str(), "proc", 0, nullptr) == 0 &&
               ::mount("tmpfs", in("/data").c_str(), "tmpfs", 0, nullptr) == 0;
      },
      [this] {
        write("/data/meminfo");
        return paths("meminfo") == Texts{"\"/data/meminfo\""} && !paths("meminfo", "/proc").empty();
      });
  if (child == Child::may_not) {
    GTEST_SKIP() << "may not mount here";
  }
  EXPECT_EQ(child, Child::held);
}

// debugfs has a folder on which tracefs mounts itself as soon as somebody enters it.
TEST_F(FindFiles, HaveNothingMountItself) {
  make_folder("/debug");
  const std::string folder = in("/debug/tracing");
  const auto is_mounted = [&folder] {
    return read_file("/proc/self/mountinfo").value().find(folder + " ") != std::string::npos;
  };
  const Child child = in_child(
      [&] {
        const bool mounted =
            leave_mounts() && ::mount("debugfs", in("/debug").c_str(), "debugfs", 0, nullptr) == 0;
        const Fd entered(mounted ? ::open(folder.c_str(), O_PATH | O_DIRECTORY) : -1);
        const bool mounts_itself = entered.valid() && is_mounted();
        return mounts_itself && ::umount2(folder.c_str(), MNT_DETACH) == 0 && !is_mounted();
      },
      [&] { return paths("tracing", "/debug").size() == 1 && !is_mounted(); });
  if (child == Child::may_not) {
    GTEST_SKIP() << "no folder here mounts itself";
  }
  EXPECT_EQ(child, Child::held);
}

// One of them stands on a file system whose server has gone: the kernel fails to tell of it.
TEST_F(FindFiles, AskNothingAboutANameThatDoesNotFit) {
  write("/d/a");
  write("/d/b");
  const auto found = [this](const std::string& name) {
    return tell({"findfile", "name=" + name, "path=/d"});
  };
  const Child child = in_child(
      [this] {
        const Fd server(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
        const std::string options =
            "fd=" + std::to_string(server.get()) + ",rootmode=100000,user_id=0,group_id=0";
        return leave_mounts() &&
               ::mount("gone", in("/d/a").c_str(), "fuse", 0, options.c_str()) == 0;
      },
      [&] {
        const Told gone = found("a");
        return found("b").notes.empty() && gone.rows.empty() &&
               gone.notes == Texts{"ReadFailed: /d/a: Transport endpoint is not connected"};
      });
  if (child == Child::may_not) {
    GTEST_SKIP() << "may not mount here";
  }
  EXPECT_EQ(child, Child::held);
}

}  // namespace
}  // namespace reachback::agent::builtin
