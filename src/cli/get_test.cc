#include <gtest/gtest.h>
#include <zlib.h>

#include "cli/action.h"
#include "cli/commands.h"
#include "cli/fake_api.h"
#include "crypto/digest.h"
#include "testing/temporary_folder.h"

namespace reachback::cli {
namespace {

const std::string kAction = "11111111-2222-4333-8444-555555555555";
const std::string kMachine = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
const std::string kLink = "https://blobs/x?sig=1";

std::string gzip(const std::string& bytes) {
  z_stream z{};
  EXPECT_EQ(::deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(bytes.size() + 1000, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}

class Get : public ::testing::Test {
 protected:
  Get() {
    options.targets.machines = {kMachine};
    options.path = "/etc/x";
    options.file = folder / "x";
  }
  // The machine read `bytes`; the link gives `stored`.
  void answer(const std::string& bytes, const std::string& stored) {
    answer_action(R"("Succeeded","commands":[{"index":0,"commandStatus":"Completed","errors":[],)"
                  R"("file":{"path":"/etc/x","size":1,"sha256":")" +
                  to_hex(as_bytes(crypto::sha256(bytes))) + R"("}}])");
    api.answer("GET /api/machineactions/" + kAction + "/GetLiveResponseResultDownloadLink(index=0)",
               R"({"value":")" + kLink + R"("})");
    api.link(kLink, stored);
  }
  void answer_action(const std::string& rest) {
    const std::string action = R"({"id":")" + kAction + R"(","status":)" + rest + "}";
    api.answer("POST /api/machines/" + kMachine + "/runliveresponse", action);
    api.answer("GET /api/machineactions/" + kAction + "?waitFor=final&timeout=30s", action);
  }
  std::size_t files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& e : std::filesystem::directory_iterator(folder.path())) {
      ++count;
    }
    return count;
  }
  reachback::testing::TemporaryFolder folder;
  FakeApi api;
  GetOptions options;
};

TEST_F(Get, the_file_is_the_machines_whatever_form_the_result_has) {
  const std::string text(300'000, 'a');
  const std::string packed = gzip(text);
  const std::pair<std::string, std::string> forms[] = {{text, packed},   {text, text},
                                                       {packed, packed}, {packed, gzip(packed)},
                                                       {"", gzip("")},   {"", ""}};
  for (const auto& [bytes, stored] : forms) {
    api = FakeApi();
    answer(bytes, stored);
    auto done = get(api, Terminal(), options);
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(*done, 0);
    EXPECT_TRUE(*read_file(options.file) == bytes);
    EXPECT_EQ(files(), 1u) << "nothing else is left";
  }
  EXPECT_NE(api.bodies[0].find(R"({"type":"GetFile","params":[{"key":"Path","value":"/etc/x"}]})"),
            std::string::npos);
}

TEST_F(Get, bytes_that_are_not_the_machines_are_not_kept) {
  for (const std::string& stored :
       {std::string("other"), gzip("other"), gzip("text").substr(0, 15)}) {
    api = FakeApi();
    answer("text", stored);
    auto done = get(api, Terminal(), options);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, Errc::mismatch);
    EXPECT_EQ(files(), 0u);
  }
}

TEST_F(Get, a_command_that_failed_is_126_and_says_why) {
  answer_action(R"("Failed","commands":[{"index":0,"commandStatus":"Failed",)"
                R"("errors":["NotFound: /etc/x: No such file or directory"]}])");
  ::testing::internal::CaptureStderr();
  auto done = get(api, Terminal(), options);
  const std::string said = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(*done, 126);
  EXPECT_NE(said.find("NotFound: /etc/x"), std::string::npos) << said;
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace reachback::cli
