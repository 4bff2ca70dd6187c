#include "agent/command/fetch_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>

#include "agent/command/gzip.h"
#include "agent/ports/memory_file.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "testing/seeded_random.h"
#include "testing/temporary_folder.h"

namespace reachback::agent {
namespace {

namespace fs = std::filesystem;

std::string unpack(std::string_view stream) {
  z_stream z{};
  EXPECT_EQ(::inflateInit2(&z, 15 + 16), Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stream.data()));
  z.avail_in = static_cast<uInt>(stream.size());
  std::string out, piece(64 << 10, '\0');
  int status = Z_OK;
  while (status == Z_OK) {
    z.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.avail_out = static_cast<uInt>(piece.size());
    status = ::inflate(&z, Z_NO_FLUSH);
    out.append(piece, 0, piece.size() - z.avail_out);
  }
  EXPECT_EQ(status, Z_STREAM_END);
  EXPECT_EQ(z.avail_in, 0u) << "one stream, and nothing behind it";
  ::inflateEnd(&z);
  return out;
}

std::string pack(std::string_view bytes, std::size_t piece) {
  std::string out;
  GzipWriter gzip([&out](std::string_view part) {
    out += part;
    return Result<void>();
  });
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    EXPECT_TRUE(gzip.write(bytes.substr(0, piece)).ok());
  }
  EXPECT_TRUE(gzip.finish().ok());
  return out;
}

TEST(Gzip, GivesBackWhatWentIn) {
  testing::SeededRandom random(1);
  const std::string noise = random.bytes(5 << 20);
  const std::string text(5 << 20, 'a');
  for (const std::string& bytes :
       {std::string(), std::string("x"), noise, text, text + noise + text, noise + text + noise}) {
    for (const std::size_t piece : {std::size_t{256 << 10}, std::size_t{100'003}}) {
      EXPECT_TRUE(unpack(pack(bytes, piece)) == bytes);
    }
  }
}

TEST(Gzip, MakesTextSmallAndNoiseHardlyLarger) {
  testing::SeededRandom random(1);
  const std::string noise = random.bytes(8 << 20);
  const std::string text(8 << 20, 'a');
  EXPECT_LT(pack(text, 256 << 10).size(), text.size() / 100);
  EXPECT_LT(pack(noise, 256 << 10).size(), noise.size() + noise.size() / 1000);
  EXPECT_LT(pack(noise + text, 256 << 10).size(), noise.size() + text.size() * 5 / 8)
      << "it looks again after a stretch";
}

TEST(Gzip, ASinkThatFailsEndsIt) {
  GzipWriter gzip([](std::string_view) { return Result<void>(Error{Errc::storage_full, "full"}); });
  auto written = gzip.write("x");  // may wait in the stream
  EXPECT_EQ((written.ok() ? gzip.finish() : written).error().code, Errc::storage_full);
}

class FetchFile : public ::testing::Test {
 protected:
  std::string in(const std::string& name) const {
    return fs::canonical(folder_.path()).string() + "/" + name;
  }
  FetchOrder write(const std::string& name, std::string_view bytes) const {
    EXPECT_TRUE(write_file_durably(in(name), bytes).ok());
    return FetchOrder{in(name), false, 1 << 30, {}};
  }
  // The bytes of the result; the report is kept.
  std::string fetch(const FetchOrder& order) {
    Fd out(::memfd_create("result", MFD_CLOEXEC));
    auto report = fetch_file(order, out.get());
    EXPECT_TRUE(report.ok()) << report.error().message;
    if (!report.ok()) {
      return {};
    }
    report_ = *report;
    std::string stored(*file_bytes(out.get()), '\0');
    EXPECT_TRUE(read_at(out.get(), stored.data(), stored.size(), 0).ok());
    EXPECT_EQ(report_.stored_bytes(), stored.size());
    EXPECT_EQ(report_.stored_sha256(), as_bytes(crypto::sha256(stored)));
    return stored;
  }
  static std::string refusal(const FetchOrder& order) {
    Fd out(::memfd_create("result", MFD_CLOEXEC));
    auto report = fetch_file(order, out.get());
    return report.ok() ? "" : report.error().message.substr(0, report.error().message.find(':'));
  }
  reachback::testing::TemporaryFolder folder_;
  pb::FetchReport report_;
};

TEST_F(FetchFile, InEitherFormTheBytesAndTheirHashAreTheFiles) {
  testing::SeededRandom random(2);
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(1 << 20, 'a'), random.bytes((3 << 20) + 1)}) {
    FetchOrder order = write("file", bytes);
    EXPECT_TRUE(unpack(fetch(order)) == bytes);
    EXPECT_EQ(report_.bytes(), bytes.size());
    EXPECT_EQ(report_.sha256(), as_bytes(crypto::sha256(bytes)));
    EXPECT_EQ(report_.path(), in("file"));
    order.raw = true;
    EXPECT_TRUE(fetch(order) == bytes);
    EXPECT_EQ(report_.sha256(), report_.stored_sha256());
  }
}

TEST_F(FetchFile, ALengthThatIsToldAs0IsReadToItsEnd) {
  FetchOrder order{"/proc/self/status", false, 1 << 20, {}};
  EXPECT_NE(unpack(fetch(order)).find("Name:"), std::string::npos);
  EXPECT_GT(report_.bytes(), 0u);
  order.bytes_max = 10;
  EXPECT_EQ(refusal(order), "TooLarge");
}

TEST_F(FetchFile, AFileOverTheLimitIsRefusedBeforeItIsRead) {
  FetchOrder order = write("file", "12345");
  order.bytes_max = 5;
  EXPECT_EQ(unpack(fetch(order)), "12345");
  order.bytes_max = 4;
  EXPECT_EQ(refusal(order), "TooLarge");
  ASSERT_EQ(::truncate(in("file").c_str(), (off_t{3} << 30) + 1), 0);
  order.bytes_max = std::uint64_t{3} << 30;
  EXPECT_EQ(refusal(order), "TooLarge");
}

TEST_F(FetchFile, WhatCannotBeReadIsSaidAndNotWaitedFor) {
  EXPECT_EQ(refusal(FetchOrder{"/proc/self/mem", false, 1 << 20, {}}), "ReadFailed");
  EXPECT_EQ(refusal(FetchOrder{in("none"), false, 1 << 20, {}}), "NotFound");
  EXPECT_EQ(refusal(FetchOrder{in("file"), false, 1 << 20, {"/nowhere"}}), "NotFound");
  FetchOrder order = write("file", "x");
  order.roots = {"/nowhere"};
  EXPECT_EQ(refusal(order), "Policy");
}

TEST_F(FetchFile, ADiskThatTakesNoMoreIsAFullDisk) {
  testing::SeededRandom random(3);
  FetchOrder order = write("file", random.bytes(1 << 20));
  auto ignored = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{100 << 10, before.rlim_max};
  for (const bool raw : {false, true}) {
    order.raw = raw;
    Fd out = std::move(*open_file(in("out"), O_RDWR | O_CREAT | O_TRUNC));
    ::setrlimit(RLIMIT_FSIZE, &small);
    auto report = fetch_file(order, out.get());
    ::setrlimit(RLIMIT_FSIZE, &before);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, Errc::storage_full);
    EXPECT_TRUE(report.error().message.starts_with("DiskFull: ")) << report.error().message;
  }
  ::signal(SIGXFSZ, ignored);
}

TEST_F(FetchFile, ARawFileThatWouldFillTheDiskIsRefusedAtOnce) {
  FetchOrder order = write("file", "");
  ASSERT_EQ(::truncate(in("file").c_str(), off_t{1} << 42), 0);  // sparse
  order.bytes_max = std::uint64_t{1} << 43;
  order.raw = true;
  Fd out = std::move(*open_file(in("out"), O_RDWR | O_CREAT | O_TRUNC));
  auto report = fetch_file(order, out.get());
  ASSERT_FALSE(report.ok());
  EXPECT_TRUE(report.error().message.starts_with("DiskFull: ")) << report.error().message;
  EXPECT_EQ(*file_bytes(out.get()), 0u);
}

TEST_F(FetchFile, AReportIsWholeOrNone) {
  Fd out(::memfd_create("report", MFD_CLOEXEC));
  EXPECT_FALSE(read_fetch_report(out.get()).ok()) << "the reader was killed";
  fetch(write("file", "x"));
  const std::string bytes = report_.SerializeAsString();
  ASSERT_TRUE(write_all(out.get(), bytes).ok());
  EXPECT_EQ(read_fetch_report(out.get())->sha256(), report_.sha256());
  ASSERT_EQ(::ftruncate(out.get(), static_cast<off_t>(bytes.size() - 10)), 0);
  EXPECT_FALSE(read_fetch_report(out.get()).ok());
}

TEST_F(FetchFile, TheProcessIsThisProgramWithTheResultAsItsFile) {
  const ActionId action = *ActionId::from_bytes(std::string(16, 'a'));
  auto spec = fetch_process(FetchOrder{"/a b", true, 7, {"/r"}}, 9, action, 2);
  EXPECT_EQ(spec.program, "/proc/self/exe");
  EXPECT_EQ(spec.arguments,
            (std::vector<std::string>{"reachback-agent", "fetch-file", "raw", "7", "/a b", "/r"}));
  EXPECT_EQ(spec.script_fd, 9);
  EXPECT_TRUE(spec.is_own_program);
  EXPECT_EQ(spec.environment[3], "REACHBACK_ACTION=" + action.text());
  EXPECT_EQ(spec.environment[4], "REACHBACK_INDEX=2");
}

}  // namespace
}  // namespace reachback::agent
