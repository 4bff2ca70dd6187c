#include "crypto/totp.h"

#include <gtest/gtest.h>

namespace reachback::crypto {
namespace {

constexpr std::string_view kKey = "12345678901234567890";

TEST(Totp, gives_the_codes_of_rfc_4226) {
  const char* codes[] = {"755224", "287082", "359152", "969429", "338314",
                         "254676", "287922", "162583", "399871", "520489"};
  for (std::uint64_t step = 0; step < std::size(codes); ++step) {
    EXPECT_EQ(totp_code(kKey, step), codes[step]);
  }
}

TEST(Totp, gives_the_codes_of_rfc_6238) {
  // The RFC has eight digits; six are its last six.
  const std::pair<std::int64_t, const char*> codes[] = {
      {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
      {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
  for (const auto& [at, code] : codes) {
    EXPECT_EQ(totp_code(kKey, totp_step(Timestamp(std::chrono::seconds(at)))), code);
  }
}

TEST(Totp, a_step_is_half_a_minute) {
  auto at = [](std::int64_t ms) { return Timestamp(std::chrono::milliseconds(ms)); };
  EXPECT_EQ(totp_step(at(29'999)), 0u);
  EXPECT_EQ(totp_step(at(30'000)), 1u);
  EXPECT_EQ(totp_step(at(-1)), 0u);
}

TEST(Base32, is_that_of_rfc_4648_without_padding) {
  const std::pair<const char*, const char*> pairs[] = {{"", ""},
                                                       {"f", "MY"},
                                                       {"fo", "MZXQ"},
                                                       {"foo", "MZXW6"},
                                                       {"foob", "MZXW6YQ"},
                                                       {"fooba", "MZXW6YTB"},
                                                       {"foobar", "MZXW6YTBOI"}};
  for (const auto& [bytes, text] : pairs) {
    EXPECT_EQ(to_base32(bytes), text);
  }
}

}  // namespace
}  // namespace reachback::crypto
