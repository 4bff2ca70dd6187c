// cd, dir and fileinfo.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "agent/builtin/test_system.h"

namespace reachback::agent::builtin {
namespace {

void set_modified(const std::string& path, std::int64_t seconds, long nanoseconds = 0) {
  const timespec times[2] = {{seconds, 0}, {seconds, nanoseconds}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

class Files : public MadeUpSystem {
 protected:
  void SetUp() override {
    write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:33::/var/www:/bin/false\n");
    write("/etc/group", "root:x:0:\nwww-data:x:33:\n");
  }
};

TEST_F(Files, CdTellsWhereAPathLed) {
  make_folder("/var/log/old");
  link("/var/log", "/logs");
  for (const auto& [from, path] :
       std::vector<std::pair<std::string, std::string>>{{"/", "path=var/log"},
                                                        {"/var/log/old", "path=.."},
                                                        {"/", "path=/logs/old/.."},
                                                        {"/var", "path=../logs"},
                                                        {"/var/log", "path=."},
                                                        {"/", "path=../../var//log/"}}) {
    const Told answer = tell({"cd", path}, from);
    EXPECT_EQ(answer.exit_code, 0) << path;
    EXPECT_EQ(answer.all("path"), Texts{"\"/var/log\""}) << path;
  }
  EXPECT_EQ(tell({"cd", "path=.."}, "/var").all("path"), Texts{"\"/\""});
}

TEST_F(Files, CdRefusesWhatIsNoFolder) {
  write("/file");
  for (const auto& [path, error] : std::vector<std::pair<std::string, std::string>>{
           {"/none", "NotFound: /none: No such file or directory"},
           {"/file", "NotAFolder: /file: Not a directory"},
           {"", "NotFound: /none/: No such file or directory"}}) {
    const Told answer = tell({"cd", "path=" + path}, "/none");
    EXPECT_EQ(answer.exit_code, 1) << path;
    EXPECT_TRUE(answer.rows.empty());
    EXPECT_EQ(answer.notes, Texts{error});
  }
}

TEST_F(Files, DirTellsEveryKindOfFileSorted) {
  write("/d/b.sh", "hello", 0755);
  write("/d/setuid", "", 04711);
  make_folder("/d/sub");
  std::filesystem::permissions(in("/d/sub"), static_cast<std::filesystem::perms>(01777));
  link("nowhere/at all", "/d/link");
  ASSERT_EQ(::mkfifo(in("/d/pipe").c_str(), 0600), 0);
  ASSERT_EQ(::mknod(in("/d/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  set_modified(in("/d/b.sh"), 1'600'000'000, 250'000'000);
  const Told answer = tell({"dir"}, "/d");
  EXPECT_EQ(answer.exit_code, 0);
  EXPECT_TRUE(answer.notes.empty());
  EXPECT_EQ(answer.all("name"),
            (Texts{"\"b.sh\"", "\"link\"", "\"pipe\"", "\"setuid\"", "\"socket\"", "\"sub\""}));
  EXPECT_EQ(answer.all("type"),
            (Texts{"\"file\"", "\"link\"", "\"pipe\"", "\"file\"", "\"socket\"", "\"folder\""}));
  EXPECT_EQ(answer.all("permissions"),
            (Texts{"\"-rwxr-xr-x\"", "\"lrwxrwxrwx\"", "\"prw-------\"", "\"-rws--x--x\"",
                   "\"srw-------\"", "\"drwxrwxrwt\""}));
  EXPECT_EQ(answer.all("target"),
            (Texts{"null", "\"nowhere/at all\"", "null", "null", "null", "null"}));
  const auto row = answer.row("name", "\"b.sh\"");
  EXPECT_EQ(Told::of(row, "size"), "5");
  EXPECT_EQ(Told::of(row, "modified"), "\"2020-09-13T12:26:40.25Z\"");
  EXPECT_EQ(tell({"dir", "path=.", "full_path=true"}, "/d").all("name")[0], "\"/d/b.sh\"");
  EXPECT_EQ(tell({"dir", "full_path=true"}).all("name"), (Texts{"\"/d\"", "\"/etc\""}));
}

TEST_F(Files, OwnersAreNamedByTheFilesOfTheSystemElseByTheirNumber) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give files away";
  }
  write("/d/a");
  write("/d/b");
  ASSERT_EQ(::chown(in("/d/a").c_str(), 33, 33), 0);
  ASSERT_EQ(::chown(in("/d/b").c_str(), 4242, 4243), 0);
  const Told answer = tell({"dir"}, "/d");
  EXPECT_EQ(answer.all("owner"), (Texts{"\"www\"", "\"4242\""}));
  EXPECT_EQ(answer.all("group"), (Texts{"\"www-data\"", "\"4243\""}));
}

TEST_F(Files, DirOfAFileOrALinkTellsThat) {
  write("/d/file");
  make_folder("/d/sub");
  write("/d/sub/inner");
  link("/d/file", "/d/to_file");
  link("/d/sub", "/d/to_sub");
  link("/none", "/d/to_none");
  EXPECT_EQ(tell({"dir", "path=/d/file"}).all("name"), Texts{"\"file\""});
  EXPECT_EQ(tell({"dir", "path=/d/to_file"}).all("target"), Texts{"\"/d/file\""});
  EXPECT_EQ(tell({"dir", "path=to_none"}, "/d").all("target"), Texts{"\"/none\""});
  EXPECT_EQ(tell({"dir", "path=/d/to_sub", "full_path=true"}).all("name"),
            Texts{"\"/d/sub/inner\""});
  const Told none = tell({"dir", "path=/d/none"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.notes, Texts{"NotFound: /d/none: No such file or directory"});
  EXPECT_EQ(tell({"dir", "path=/d/file/x"}).notes, Texts{"NotAFolder: /d/file/x: Not a directory"});
}

TEST_F(Files, HostileNamesStayInTheirRow) {
  write("/d/a\nb\x1b[31m\"\\");
  write("/d/\xff\xfe.bin");
  const Told answer = tell({"dir"}, "/d");
  EXPECT_EQ(answer.all("name"),
            (Texts{"\"a\\nb\\u001b[31m\\\"\\\\\"", "\"\xef\xbf\xbd\xef\xbf\xbd.bin\""}));
  const Told none = tell({"dir", "path=/x\ny\x1b\xff"});
  EXPECT_EQ(none.notes, Texts{"NotFound: /x\\x0ay\\x1b\xef\xbf\xbd: No such file or directory"});
}

TEST_F(Files, AVeryLargeFolderIsToldWholeAndUnsorted) {
  make_folder("/d");
  const Fd folder(::open(in("/d").c_str(), O_RDONLY | O_DIRECTORY));
  constexpr int kFiles = 100'003;
  for (int i = 0; i < kFiles; ++i) {
    ASSERT_EQ(::mknodat(folder.get(), std::to_string(i).c_str(), S_IFREG | 0600, 0), 0);
  }
  std::size_t rows = 0, largest = 0;
  std::string notes;
  EXPECT_EQ(do_built_in(
                {{"dir"}, "/d", {}}, folder_.path(),
                [&](std::string_view text) {
                  rows += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
                  largest = std::max(largest, text.size());
                },
                [&](std::string_view text) { notes += text; }),
            0);
  EXPECT_EQ(rows, static_cast<std::size_t>(kFiles));
  EXPECT_LT(largest, 70'000u) << "written as it works";
  EXPECT_EQ(notes, "NotSorted: /d: has more than 100000 names\n");
}

TEST_F(Files, FileinfoHashesAFile) {
  write("/f", "abc", 06755);
  set_modified(in("/f"), 0);
  const Told answer = tell({"fileinfo", "path=f"});
  ASSERT_EQ(answer.rows.size(), 1u);
  const auto& row = answer.rows[0];
  const std::pair<std::string, std::string> expected[] = {
      {"path", "\"/f\""},
      {"type", "\"file\""},
      {"size", "3"},
      {"permissions", "\"-rwsr-sr-x\""},
      {"modified", "\"1970-01-01T00:00:00Z\""},
      {"sha256", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""},
      {"sha1", "\"a9993e364706816aba3e25717850c26c9cd0d89d\""},
      {"md5", "\"900150983cd24fb0d6963f7d28e17f72\""},
      {"target", "null"},
      {"links", "1"},
      {"setuid", "true"},
      {"setgid", "true"}};
  for (const auto& [name, value] : expected) {
    EXPECT_EQ(Told::of(row, name), value) << name;
  }
}

// It would take minutes to read, and is cut as soon as somebody opens it.
TEST_F(Files, AFileThatBecomesShorterWhileItIsReadHasNoHash) {
  write("/large");
  std::filesystem::resize_file(in("/large"), std::uintmax_t{64} << 30);
  const Fd opens(::inotify_init1(IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(opens.get(), in("/large").c_str(), IN_OPEN), 0);
  std::thread cutter([&] {
    char event[4096];
    EXPECT_GT(::read(opens.get(), event, sizeof event), 0);
    EXPECT_EQ(::truncate(in("/large").c_str(), 1), 0);
  });
  const Told answer = tell({"fileinfo", "path=/large"});
  cutter.join();
  EXPECT_EQ(answer.all("sha256"), Texts{"null"});
  EXPECT_EQ(answer.notes,
            Texts{"ReadFailed: /large: became shorter while it was read, so it was not hashed"});
}

TEST_F(Files, FileinfoOfALinkTellsTheLinkAndWhereItLeads) {
  write("/real", "abc");
  link("real", "/link");
  link("none", "/dangling");
  const Told answer = tell({"fileinfo", "path=/link"});
  EXPECT_EQ(answer.all("path"), (Texts{"\"/link\"", "\"/real\""}));
  EXPECT_EQ(answer.all("target"), (Texts{"\"real\"", "null"}));
  EXPECT_EQ(answer.all("md5"), (Texts{"null", "\"900150983cd24fb0d6963f7d28e17f72\""}));
  const Told dangling = tell({"fileinfo", "path=/dangling"});
  EXPECT_EQ(dangling.exit_code, 0);
  EXPECT_EQ(dangling.all("target"), Texts{"\"none\""});
  EXPECT_EQ(dangling.notes.size(), 1u);
  EXPECT_EQ(tell({"fileinfo", "path=/none"}).exit_code, 1);
}

TEST_F(Files, NothingButRegularFilesIsOpened) {
  ASSERT_EQ(::mkfifo(in("/fifo").c_str(), 0600), 0);
  link("/fifo", "/to_fifo");
  const Fd opens(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(opens.get(), in("/fifo").c_str(), IN_OPEN), 0);
  for (const char* path : {"path=/fifo", "path=/to_fifo"}) {
    const Told answer = tell({"fileinfo", path});
    EXPECT_EQ(answer.exit_code, 0);
    EXPECT_EQ(Told::of(answer.rows.back(), "type"), "\"pipe\"");
    EXPECT_EQ(Told::of(answer.rows.back(), "sha256"), "null");
  }
  EXPECT_EQ(tell({"dir"}).exit_code, 0);
  EXPECT_EQ(tell({"findfile", "name=fifo"}).rows.size(), 1u);
  char event[4096];
  EXPECT_EQ(::read(opens.get(), event, sizeof event), -1) << "somebody opened it";
}

TEST(FilesOfTheKernel, AreNotHashed) {
  for (const char* path :
       {"path=/proc/kmsg", "path=/proc/self/pagemap", "path=/sys/kernel/notes"}) {
    const Told answer = told({{"fileinfo", path}, "/", {}}, "");
    if (answer.exit_code != 0) {
      continue;  // not on this machine
    }
    EXPECT_EQ(Told::of(answer.rows.at(0), "sha256"), "null") << path;
    EXPECT_EQ(answer.notes.size(), 1u);
  }
  const Told magic = told({{"fileinfo", "path=/proc/self/exe"}, "/", {}}, "");
  EXPECT_EQ(magic.all("type"), Texts{"\"link\""}) << "not followed";
}

class Roots : public MadeUpSystem {
 protected:
  void SetUp() override {
    write("/open/a", "abc");
    write("/shut/b", "secret");
    make_folder("/open/sub");
    link("/shut/b", "/open/to_b");
    link("../shut", "/open/to_shut");
    link("/open/a", "/shut/to_a");
  }
  // The first word of what a command says of a path, "" when it answers.
  std::string refusal(const std::string& command, const std::string& path) const {
    const Told answer = tell({command, "path=" + path}, "/open", {"/open"});
    EXPECT_EQ(answer.exit_code == 0, !answer.rows.empty()) << command << " " << path;
    return answer.exit_code == 0 ? "" : answer.notes.at(0).substr(0, answer.notes.at(0).find(':'));
  }
};

TEST_F(Roots, OfTheOwnerBoundWhatAPathMayLeadTo) {
  EXPECT_EQ(refusal("cd", "sub"), "");
  EXPECT_EQ(refusal("cd", "/open"), "");
  EXPECT_EQ(refusal("cd", ".."), "NotAllowed");
  EXPECT_EQ(refusal("cd", "to_shut"), "NotAllowed");
  EXPECT_EQ(refusal("dir", "/open"), "");
  EXPECT_EQ(refusal("dir", "/"), "NotAllowed");
  EXPECT_EQ(refusal("dir", "to_shut"), "NotAllowed");
  EXPECT_EQ(refusal("dir", "to_b"), "NotAllowed");
  EXPECT_EQ(refusal("dir", "/shut/b"), "NotAllowed");
  EXPECT_EQ(refusal("fileinfo", "a"), "");
  EXPECT_EQ(refusal("fileinfo", "to_b"), "NotAllowed");
  EXPECT_EQ(refusal("fileinfo", "to_shut/b"), "NotAllowed");
  EXPECT_EQ(refusal("fileinfo", "../shut/b"), "NotAllowed");
  EXPECT_EQ(refusal("fileinfo", "/shut/to_a"), "NotAllowed") << "though it leads below the root";
  EXPECT_EQ(refusal("fileinfo", "sub/../a"), "");
  EXPECT_EQ(refusal("fileinfo", "../open/a"), "");
  EXPECT_EQ(refusal("fileinfo", "../shut/../open/a"), "NotAllowed");
  EXPECT_EQ(refusal("fileinfo", "/opened"), "NotAllowed");
  EXPECT_EQ(refusal("fileinfo", "none"), "NotFound");
  EXPECT_EQ(refusal("dir", "a/x"), "NotAFolder");
}

// Else the errors would tell what there is.
TEST_F(Roots, RefuseWhatIsElsewhereAndWhatIsNotInTheSameWords) {
  link("../shut/none", "/open/to_none");
  for (const auto& [there, not_there] :
       std::vector<std::pair<std::string, std::string>>{{"/shut/b", "/shut/none"},
                                                        {"../shut/b", "../none/b"},
                                                        {"/shut/../open/a", "/none/../open/a"},
                                                        {"to_shut/b", "to_shut/none"},
                                                        {"to_b", "to_none"},
                                                        {"to_b/", "to_none/"}}) {
    for (const char* command : {"cd", "dir", "fileinfo", "findfile"}) {
      Texts words = {command};
      if (words[0] == "findfile") {
        words.emplace_back("name=*");
      }
      const auto refusal = [&](const std::string& path) {
        Texts all = words;
        all.push_back("path=" + path);
        const Told answer = tell(all, "/open", {"/open"});
        EXPECT_EQ(answer.exit_code, 1) << command << " " << path;
        EXPECT_EQ(answer.notes.size(), 1u) << command << " " << path;
        const std::string note = answer.notes.empty() ? "" : answer.notes[0];
        const auto why = note.rfind(": ");
        EXPECT_TRUE(note.starts_with("NotAllowed: /")) << note;
        return why == std::string::npos ? note : note.substr(why);
      };
      EXPECT_EQ(refusal(there), refusal(not_there)) << command << " " << there;
    }
  }
}

TEST_F(Roots, AreWhereFindfileLooks) {
  EXPECT_EQ(tell({"findfile", "name=?"}, "/", {"/open"}).all("path"), Texts{"\"/open/a\""});
  EXPECT_EQ(tell({"findfile", "name=a"}, "/", {"/open", "/open/sub", "/", "/none"}).all("path"),
            Texts{"\"/open/a\""})
      << "each file once";
  const Told outside = tell({"findfile", "name=b", "path=/shut"}, "/", {"/open"});
  EXPECT_EQ(outside.exit_code, 1);
  EXPECT_TRUE(outside.rows.empty());
  EXPECT_EQ(tell({"findfile", "name=b", "path=/open/to_shut"}, "/", {"/open"}).exit_code, 1);
}

TEST_F(Roots, DoNotNarrowTheOtherCommands) {
  write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
  EXPECT_EQ(tell({"users"}, "/open", {"/open"}).all("name"), Texts{"\"root\""});
}

}  // namespace
}  // namespace reachback::agent::builtin
