// On a folder that looks like cgroupfs: the machine of the tests may have no controllers.
#include "agent/os_linux/cgroup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/os_linux/test_support.h"

namespace reachback::agent {
namespace {

class CgroupTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_durably(folder_.file(name), text).ok());
  }
  std::string read(const std::string& name) { return read_file(folder_.file(name)).value(); }
  void make(const std::string& controllers, const std::string& procs) {
    write("cgroup.controllers", controllers);
    write("cgroup.procs", procs);
    write("cgroup.subtree_control", "");
    ::mkdir(folder_.file("agent").c_str(), 0700);
    write("agent/cgroup.procs", "");
  }
  const std::string own_ = std::to_string(::getpid());
  TestFolder folder_;
};

TEST_F(CgroupTest, AnAgentAloneInItsCgroupMovesAsideAndHandsControllersDown) {
  make("cpu io memory pids\n", own_ + "\n");
  const auto parent = prepare_cgroup(folder_.path());
  EXPECT_TRUE(parent.memory && parent.pids && parent.cpu);
  EXPECT_EQ(read("agent/cgroup.procs"), own_);
  EXPECT_EQ(describe(parent), "cgroup v2: memory, pids, cpu");
}

TEST_F(CgroupTest, AControllerThatIsNotThereIsNamed) {
  make("memory\n", own_ + "\n");
  const auto parent = prepare_cgroup(folder_.path());
  EXPECT_TRUE(parent.memory && !parent.pids && !parent.cpu);
  EXPECT_EQ(describe(parent), "cgroup v2: memory (no pids, cpu)");
}

TEST_F(CgroupTest, NothingIsChangedWhereOthersShareTheCgroupOrItOffersNothing) {
  make("memory pids cpu\n", own_ + "\n1\n");
  auto parent = prepare_cgroup(folder_.path());
  EXPECT_FALSE(parent.memory || parent.pids || parent.cpu);
  EXPECT_EQ(parent.folder, folder_.path()) << "trees are ended by it all the same";
  EXPECT_EQ(describe(parent), "process by process (others share the agent's cgroup)");
  EXPECT_EQ(read("agent/cgroup.procs") + read("cgroup.subtree_control"), "");
  make("hugetlb\n", own_ + "\n");
  EXPECT_EQ(describe(prepare_cgroup(folder_.path())), "process by process (no controllers)");
  EXPECT_EQ(describe(prepare_cgroup("")), "process by process (no cgroup v2)");
}

TEST_F(CgroupTest, LimitsAreWrittenWhereTheirFilesAre) {
  for (const char* name : {"memory.max", "pids.max", "memory.oom.group"}) {
    write(name, "max");
  }
  set_limits(folder_.path(), {1 << 30, 99, 50, true});
  EXPECT_EQ(read("memory.max").substr(0, 10), "1073741824");
  EXPECT_EQ(read("pids.max").substr(0, 2), "99");
  EXPECT_EQ(read("memory.oom.group").substr(0, 1), "1");
  EXPECT_FALSE(path_exists(folder_.file("cpu.weight")));
}

}  // namespace
}  // namespace reachback::agent
