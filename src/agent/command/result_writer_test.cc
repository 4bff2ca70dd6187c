#include "agent/command/result_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "agent/command/utf8.h"
#include "agent/ports/memory_file.h"
#include "base/file.h"
#include "crypto/digest.h"

namespace reachback::agent {
namespace {

std::string content(const Fd& fd) {
  std::string out(file_bytes(fd.get()).value(), '\0');
  EXPECT_EQ(read_at(fd.get(), out.data(), out.size(), 0).value(), out.size());
  return out;
}

struct Written {
  WrittenResult result;
  std::string text;
};
Written write(const std::string& out, const std::string& err, int exit_code = 0) {
  Fd out_file = std::move(*sealed_memory_file(out)), err_file = std::move(*sealed_memory_file(err));
  Fd result = std::move(*make_memory_file());
  auto written = write_result({"a.sh", exit_code, out_file.get(), err_file.get()}, result.get());
  EXPECT_TRUE(written.ok());
  return {*written, content(result)};
}

TEST(ResultWriter, TheKeysStandInTheirOrder) {
  auto w = write("hi\n", "oh \"no\"\\\n", -1);
  EXPECT_EQ(w.text, R"({"script_name":"a.sh","exit_code":-1,"script_output":"hi\n",)"
                    R"("script_errors":"oh \"no\"\\\n","script_error":"oh \"no\"\\\n"})");
  EXPECT_EQ(w.result.bytes, w.text.size());
  EXPECT_EQ(w.result.sha256, crypto::sha256(w.text));
  EXPECT_TRUE(w.result.stdout_exact);
  EXPECT_TRUE(w.result.stderr_exact);
}

TEST(ResultWriter, NulsAndControlCharactersAreKept) {
  auto w = write(std::string("a\0b\x01\x1f\x7f\b\f\t\r", 10), "");
  EXPECT_NE(w.text.find("\"a\\u0000b\\u0001\\u001f\x7f\\b\\f\\t\\r\""), std::string::npos)
      << w.text;
  EXPECT_TRUE(w.result.stdout_exact);
}

TEST(ResultWriter, WhatIsNotUtf8ReadsAsReplacementCharacters) {
  struct Row {
    std::string in, out;
    bool exact;
  };
  const std::string r = "\xef\xbf\xbd";
  const Row rows[] = {
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x92\xa5",
       "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x92\xa5", true},
      {"\xef\xbf\xbd", r, true},
      {"a\x80z", "a" + r + "z", false},
      {"a\xffz", "a" + r + "z", false},
      {"\xc0\xaf", r + r, false},
      {"\xe2\x82", r, false},
      {"\xe2\x82z", r + "z", false},
      {"\xe0\x80\x80", r + r + r, false},
      {"\xed\xa0\x80", r + r + r, false},
      {"\xf0\x9f\x92", r, false},
      {"\xf4\x90\x80\x80", r + r + r + r, false},
      {"\xf0\x9f\xe2\x82\xac", r + "\xe2\x82\xac", false},
      {"\xc3\xc3\xbc", r + "\xc3\xbc", false},
  };
  for (const Row& row : rows) {
    // However the bytes are cut.
    for (std::size_t cut = 0; cut <= row.in.size(); ++cut) {
      std::string out;
      JsonText text(out);
      text.add(std::string_view(row.in).substr(0, cut));
      text.add(std::string_view(row.in).substr(cut));
      text.finish();
      EXPECT_EQ(out, row.out) << to_hex(row.in);
      EXPECT_EQ(text.is_exact(), row.exact) << to_hex(row.in);
      EXPECT_TRUE(is_valid_utf8(out));
    }
  }
  auto w = write("ok", "\xff");
  EXPECT_TRUE(w.result.stdout_exact);
  EXPECT_FALSE(w.result.stderr_exact);
}

TEST(ResultWriter, ACharacterAcrossTwoPiecesIsWhole) {
  const std::string text =
      std::string(65535, 'x') + "\xe2\x82\xac" + std::string(65530, 'y') + "\"";
  auto w = write(text, "");
  EXPECT_TRUE(w.result.stdout_exact);
  EXPECT_NE(w.text.find("x\xe2\x82\xacy"), std::string::npos);
}

// The growth of the peak of resident memory, in KiB.
long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      long kib = 0;
      status >> kib;
      return kib;
    }
  }
  return 0;
}

TEST(ResultWriter, FiftyMegabytesGoThroughConstantMemory) {
  Fd out = std::move(*make_memory_file());
  const std::string piece(1 << 20, 'o');
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(write_all(out.get(), piece).ok());
  }
  Fd err = std::move(*sealed_memory_file(""));
  Fd result = std::move(*open_file("/dev/null", O_WRONLY));
  const long before = peak_kib();
  auto written = write_result({"big.sh", 0, out.get(), err.get()}, result.get());
  ASSERT_TRUE(written.ok());
  EXPECT_GT(written->bytes, 50u << 20);
  EXPECT_LT(peak_kib() - before, 4096);
}

TEST(ResultWriter, AFullDiskIsStorageFull) {
  Fd out = std::move(*sealed_memory_file("x")), err = std::move(*sealed_memory_file(""));
  Fd full = std::move(*open_file("/dev/full", O_WRONLY));
  auto written = write_result({"a.sh", 0, out.get(), err.get()}, full.get());
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code, Errc::storage_full);
}

TEST(ResultWriter, DigestOfAFile) {
  Fd file = std::move(*sealed_memory_file(std::string(100000, 'd')));
  auto digest = digest_file(file.get());
  ASSERT_TRUE(digest.ok());
  EXPECT_EQ(digest->bytes, 100000u);
  EXPECT_EQ(digest->sha256, crypto::sha256(std::string(100000, 'd')));
}

}  // namespace
}  // namespace reachback::agent
