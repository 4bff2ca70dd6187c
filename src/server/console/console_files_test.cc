#include "server/console/console_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

constexpr ConsoleLimits kEnough{1 << 20, 100};

std::string gunzip(const std::string& bytes) {
  z_stream z{};
  EXPECT_EQ(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
  std::string out(1 << 20, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

class ConsoleFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    put("index.html", "<!doctype html>");
    ASSERT_TRUE(make_folder(folder_ / "assets").ok());
  }
  void put(const std::string& name, const std::string& content) {
    ASSERT_TRUE(write_file_durably(folder_ / name, content).ok());
  }
  Result<ConsoleFiles> load(const ConsoleLimits& limits = kEnough) {
    return ConsoleFiles::load(folder_.path(), limits);
  }
  void refused(Errc code, const std::string& word, const ConsoleLimits& limits = kEnough) {
    auto files = load(limits);
    ASSERT_FALSE(files.ok());
    EXPECT_EQ(files.error().code, code) << files.error().message;
    EXPECT_NE(files.error().message.find(word), std::string::npos) << files.error().message;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(ConsoleFolder, every_file_is_found_by_its_path_with_its_type_and_a_tag_of_its_content) {
  const std::string script(5000, 'x');
  put("assets/index-BQPugZP4.js", script);
  put("icon.svg", "<svg/>");
  put(".hidden", "no");
  auto files = load();
  ASSERT_TRUE(files.ok()) << files.error().message;
  const ConsoleFile* index = files->find("index.html");
  ASSERT_NE(index, nullptr);
  EXPECT_EQ(index->type, "text/html; charset=utf-8");
  EXPECT_FALSE(index->immutable);
  EXPECT_TRUE(index->gzip.empty()) << "too small to be worth it";
  const ConsoleFile* js = files->find("assets/index-BQPugZP4.js");
  ASSERT_NE(js, nullptr);
  EXPECT_EQ(js->type, "text/javascript; charset=utf-8");
  EXPECT_TRUE(js->immutable);
  EXPECT_EQ(gunzip(js->gzip), script);
  EXPECT_NE(js->etag, js->gzip_etag);
  EXPECT_NE(js->etag, index->etag);
  EXPECT_EQ(files->find("icon.svg")->type, "image/svg+xml");
  for (const char* none : {".hidden", "", "assets", "assets/", "/index.html", "../index.html",
                           "assets/../index.html", "INDEX.HTML"}) {
    EXPECT_EQ(files->find(none), nullptr) << none;
  }
}

TEST_F(ConsoleFolder, only_names_with_a_hash_in_them_are_kept_for_ever) {
  put("assets/plain.css", "a{}");
  put("assets/a-12345678.css", "a{}");
  put("a-12345678.css", "a{}");
  auto files = load();
  ASSERT_TRUE(files.ok());
  EXPECT_FALSE(files->find("assets/plain.css")->immutable);
  EXPECT_TRUE(files->find("assets/a-12345678.css")->immutable);
  EXPECT_FALSE(files->find("a-12345678.css")->immutable);
}

TEST_F(ConsoleFolder, what_was_compressed_beside_a_file_is_used_when_it_is_that_file) {
  const std::string script(5000, 'x');
  put("assets/a-12345678.js", script);
  auto made = load();
  ASSERT_TRUE(made.ok());
  const std::string gzip = made->find("assets/a-12345678.js")->gzip;
  put("assets/a-12345678.js.gz", gzip);
  auto files = load();
  ASSERT_TRUE(files.ok()) << files.error().message;
  EXPECT_EQ(files->find("assets/a-12345678.js")->gzip, gzip);
  EXPECT_EQ(files->find("assets/a-12345678.js.gz"), nullptr);

  put("assets/a-12345678.js", script + "y");
  refused(Errc::invalid_input, "assets/a-12345678.js.gz is not assets/a-12345678.js");
  put("assets/a-12345678.js", script);
  put("assets/a-12345678.js.gz", gzip + "more");
  refused(Errc::invalid_input, "a-12345678.js.gz");
}

TEST_F(ConsoleFolder, a_link_a_pipe_and_a_strange_name_are_refused_by_name) {
  ASSERT_EQ(::symlink("/etc/passwd", (folder_ / "assets/passwd.txt").c_str()), 0);
  refused(Errc::invalid_input, "assets/passwd.txt is a symbolic link");
  ASSERT_EQ(::unlink((folder_ / "assets/passwd.txt").c_str()), 0);
  ASSERT_EQ(::symlink("/etc", (folder_ / "etc").c_str()), 0);
  refused(Errc::invalid_input, "etc is a symbolic link");
  ASSERT_EQ(::unlink((folder_ / "etc").c_str()), 0);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  refused(Errc::invalid_input, "pipe is no plain file");
  ASSERT_EQ(::unlink((folder_ / "pipe").c_str()), 0);
  put("a b.js", "x");
  refused(Errc::invalid_input, "a b.js");
}

TEST_F(ConsoleFolder, too_much_is_refused_and_so_is_a_folder_without_a_page) {
  put("a.js", std::string(100, 'x'));
  refused(Errc::too_large, "2 files or 50 bytes", {50, 2});
  refused(Errc::too_large, "1 files", {1000, 1});
  std::string deep = folder_.path();
  for (int i = 0; i < 9; ++i) {
    deep += "/d";
    ASSERT_TRUE(make_folder(deep).ok());
  }
  refused(Errc::invalid_input, "8 folders deep");
  ASSERT_TRUE(remove_tree(folder_ / "d").ok());
  ASSERT_TRUE(load().ok());
  ASSERT_EQ(::unlink((folder_ / "index.html").c_str()), 0);
  refused(Errc::not_found, "index.html");
  EXPECT_EQ(ConsoleFiles::load(folder_ / "nowhere", kEnough).error().code, Errc::not_found);
  testing::TemporaryFolder other;
  ASSERT_EQ(::symlink(folder_.path().c_str(), (other / "console").c_str()), 0);
  EXPECT_FALSE(ConsoleFiles::load(other / "console", kEnough).ok()) << "a link to a folder";
}

}  // namespace
}  // namespace reachback::server
