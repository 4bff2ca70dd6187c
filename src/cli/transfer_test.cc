#include "cli/transfer.h"

#include <gtest/gtest.h>

#include "cli/fake_api.h"

namespace reachback::cli {
namespace {

class Transfer : public testing::Test {
 protected:
  Result<std::uint64_t> fetch() {
    return fetch_all(
        api, [this] { return Result<std::string>("link" + std::to_string(++minted)); },
        [this](std::string_view piece) {
          got += piece;
          return got.size() < enough;
        },
        nullptr);
  }
  FakeApi api;
  int minted = 0;
  std::string got;
  std::size_t enough = 1000;
};

TEST_F(Transfer, a_cut_download_goes_on_where_it_was_with_a_fresh_link) {
  const std::string content(50, 'x');
  api.link("link1", content);
  api.link("link2", content);
  api.cut_after(20);
  auto bytes = fetch();
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  EXPECT_EQ(*bytes, 50u);
  EXPECT_EQ(got, content);
  EXPECT_EQ(api.calls, (std::vector<std::string>{"DOWNLOAD link1", "DOWNLOAD link2 from 20"}));
}

TEST_F(Transfer, a_refusal_is_not_tried_again) {
  EXPECT_EQ(fetch().error().code, Errc::not_found);
  EXPECT_EQ(api.calls.size(), 1u);
}

TEST_F(Transfer, a_reader_that_has_enough_ends_it) {
  api.link("link1", std::string(50, 'x'));
  enough = 10;
  EXPECT_FALSE(fetch().ok());
  EXPECT_EQ(api.calls.size(), 1u);
}

TEST_F(Transfer, an_interruption_ends_the_waiting) {
  api.link("link1", std::string(50, 'x'));
  api.cut_after(5);
  api.interrupt_at("NOW");
  EXPECT_FALSE(api.get("NOW", std::chrono::seconds(1)).ok());
  EXPECT_FALSE(fetch().ok());
}

}  // namespace
}  // namespace reachback::cli
