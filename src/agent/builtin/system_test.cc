#include "agent/builtin/system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/builtin/proc.h"
#include "agent/builtin/test_system.h"

namespace reachback::agent::builtin {
namespace {

class OfThisMachine : public ::testing::Test {
 protected:
  System system_ = System::open("").value();
  std::string notes_;
  Output output_{[](std::string_view) {}, [this](std::string_view text) { notes_ += text; }};
};

// A file of this very process, so that nobody else opens it.
TEST_F(OfThisMachine, AFileOfTheKernelIsNotOpenedWhereALinkLeadsToIt) {
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/limits";
  const reachback::testing::TemporaryFolder folder;
  std::filesystem::create_symlink(path, folder / "authorized_keys");
  const Fd opens(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(opens.get(), path.c_str(), IN_OPEN), 0);
  const auto is_opened = [&] {
    char event[4096];
    return ::read(opens.get(), event, sizeof event) > 0;
  };
  EXPECT_FALSE(system_.text(folder / "authorized_keys", output_).has_value());
  EXPECT_EQ(notes_,
            "ReadFailed: " + path + ": is made by the kernel when it is read, and not opened\n");
  const Told hashed = told({{"fileinfo", "path=" + (folder / "authorized_keys")}, "/", {}}, "");
  EXPECT_EQ(hashed.all("sha256"), (Texts{"null", "null"}));
  EXPECT_FALSE(is_opened());
  const auto text = system_.text(path, output_, kTextBytesMax, KernelFiles::read);
  EXPECT_NE(text.value_or("").find("Max open files"), std::string::npos) << "where it is meant";
  EXPECT_TRUE(is_opened()) << "which this test sees";
}

TEST_F(OfThisMachine, NamesBeyondTheMostAreNoted) {
  const reachback::testing::TemporaryFolder folder;
  for (const char* name : {"a", "b", "c"}) {
    std::filesystem::create_directory(folder / name);
  }
  EXPECT_EQ(system_.names(folder.path(), output_, 3), (Texts{"a", "b", "c"}));
  EXPECT_EQ(notes_, "");
  EXPECT_EQ(system_.names(folder.path(), output_, 2).size(), 2u);
  EXPECT_EQ(notes_, "ReadFailed: " + folder.path() + ": only 2 of its names were looked at\n");
}

TEST(LineReader, TellsAnEndFromAFailure) {
  const reachback::testing::TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder / "lines", "a\nb", 0600).ok());
  for (const auto& [path, lines, error] : std::vector<std::tuple<std::string, Texts, int>>{
           {folder / "lines", {"a", "b"}, 0}, {folder.path(), {}, EISDIR}}) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    LineReader reader(file.get());
    Texts read;
    for (std::string line; reader.next(line);) {
      read.push_back(line);
    }
    EXPECT_EQ(read, lines);
    EXPECT_EQ(reader.error(), error);
  }
}

}  // namespace
}  // namespace reachback::agent::builtin
