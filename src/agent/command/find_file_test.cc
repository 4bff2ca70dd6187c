#include "agent/command/find_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "testing/temporary_folder.h"

namespace reachback::agent {
namespace {

namespace fs = std::filesystem;

class FindFile : public ::testing::Test {
 protected:
  // The folder itself may stand behind symbolic links.
  std::string in(const std::string& name) const {
    return fs::canonical(folder_.path()).string() + "/" + name;
  }
  void write(const std::string& name, std::string_view bytes = "x") const {
    ASSERT_TRUE(write_file_durably(in(name), bytes).ok());
  }
  // The word that the error begins with, "" when there is none.
  static std::string refusal(const std::string& path, const std::vector<std::string>& roots = {}) {
    auto found = find_file(path, roots);
    return found.ok() ? "" : found.error().message.substr(0, found.error().message.find(':'));
  }
  reachback::testing::TemporaryFolder folder_;
};

TEST_F(FindFile, ARegularFileIsOpenedAndMeasured) {
  write("日本 ü.log", "hello");
  auto found = find_file(in("日本 ü.log"), {});
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->path, in("日本 ü.log"));
  EXPECT_EQ(found->bytes, 5u);
  char bytes[8] = {};
  EXPECT_EQ(read_at(found->file.get(), bytes, sizeof bytes, 0).value(), 5u);
  EXPECT_EQ(std::string(bytes), "hello");
}

TEST_F(FindFile, OrdinaryLinksAreFollowedAndTheFilesOwnPathIsTold) {
  fs::create_directory(in("sub"));
  write("sub/real");
  fs::create_symlink("sub/real", in("link"));
  fs::create_symlink(in("sub"), in("to_sub"));
  for (const char* path : {"link", "to_sub/real", "sub/../to_sub/./real", "sub//real"}) {
    auto found = find_file(in(path), {});
    ASSERT_TRUE(found.ok()) << path << found.error().message;
    EXPECT_EQ(found->path, in("sub/real")) << path;
  }
  EXPECT_EQ(refusal("/../../../.." + in("link")), "") << "above / is /";
}

TEST_F(FindFile, WhatIsNoRegularFileIsNamedAndNeverOpened) {
  ASSERT_EQ(::mkfifo(in("fifo").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  in("s").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  fs::create_symlink(in("fifo"), in("to_fifo"));
  const std::pair<std::string, std::string> cases[] = {{in(""), "is a folder"},
                                                       {"/", "is a folder"},
                                                       {in("fifo"), "is a FIFO"},
                                                       {in("to_fifo"), "is a FIFO"},
                                                       {in("s"), "is a socket"},
                                                       {"/dev/zero", "is a character device"},
                                                       {"/dev/null", "is a character device"}};
  for (const auto& [path, what] : cases) {
    auto found = find_file(path, {});
    ASSERT_FALSE(found.ok()) << path;
    EXPECT_EQ(found.error().message, "NotARegularFile: " + path + " " + what);
  }
  // A writer that waits for a reader would have been let go by an open.
  EXPECT_EQ(::open(in("fifo").c_str(), O_WRONLY | O_NONBLOCK), -1);
  EXPECT_EQ(errno, ENXIO);
  ::close(socket);
}

// Source: trust.md §6.
TEST_F(FindFile, LinksOfProcThatAreNoPathAreNotFollowed) {
  for (const char* path : {"/proc/self/exe", "/proc/self/fd/0", "/proc/self/root/etc/hostname",
                           "/proc/self/cwd/x", "/proc/thread-self/exe"}) {
    EXPECT_EQ(refusal(path), "NotARegularFile") << path;
  }
  fs::create_symlink("/proc/self/exe", in("exe"));
  EXPECT_EQ(refusal(in("exe")), "NotARegularFile");
  fs::create_symlink("/proc/self/status", in("status"));
  auto found = find_file(in("status"), {});
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->bytes, 0u);
  fs::create_symlink("round", in("round"));
  EXPECT_EQ(refusal(in("round")), "NotARegularFile");
}

TEST_F(FindFile, WhatCannotBeHadIsToldByItsReason) {
  write("file");
  EXPECT_EQ(refusal(in("none")), "NotFound");
  EXPECT_EQ(refusal(in("file/below")), "NotFound");
  EXPECT_EQ(refusal(in("file/")), "NotFound");
  fs::create_symlink("nowhere", in("dangling"));
  EXPECT_EQ(refusal(in("dangling")), "NotFound");
  EXPECT_EQ(refusal("/" + std::string(300, 'x')), "InvalidPath");
  for (const char* path :
       {"", "file", "./file", "~/file", "$HOME/file", "C:\\x", "\\\\?\\C:\\x", "a:b"}) {
    EXPECT_EQ(refusal(path), "InvalidPath") << path;
  }
}

TEST_F(FindFile, APathThatWouldCrowdOutTheReasonIsCut) {
  auto found = find_file("~" + std::string(4000, 'x'), {});
  ASSERT_FALSE(found.ok());
  EXPECT_LT(found.error().message.size(), 500u);
  EXPECT_NE(found.error().message.find("… is not absolute"), std::string::npos);
}

TEST_F(FindFile, ThePolicyLooksAtWhereThePathLed) {
  fs::create_directory(in("open"));
  fs::create_directory(in("shut"));
  write("open/a");
  write("shut/b");
  fs::create_symlink("../shut/b", in("open/to_b"));
  fs::create_symlink("../open/a", in("shut/to_a"));
  fs::create_symlink("../shut", in("open/out"));
  const std::vector<std::string> roots = {in("open")};
  EXPECT_EQ(refusal(in("open/a"), roots), "");
  EXPECT_EQ(refusal(in("shut/to_a"), roots), "") << "it leads below the folder";
  EXPECT_EQ(refusal(in("shut/b"), roots), "Policy");
  EXPECT_EQ(refusal(in("open/to_b"), roots), "Policy");
  EXPECT_EQ(refusal(in("open/out/b"), roots), "Policy");
  EXPECT_EQ(refusal(in("open/../shut/b"), roots), "Policy");
  EXPECT_EQ(refusal(in("open/a"), {in("ope")}), "Policy") << "not by the letters of a name";
  EXPECT_EQ(refusal(in("open/a"), {in("shut"), "/"}), "");
  EXPECT_EQ(refusal(in("open/a"), {in("open/a")}), "") << "a single file";
}

}  // namespace
}  // namespace reachback::agent
