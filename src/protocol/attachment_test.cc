#include "protocol/attachment.h"

#include <gtest/gtest.h>

namespace reachback::protocol {
namespace {

TEST(Attachment, APlainNameHasNothingBehindIt) {
  EXPECT_EQ(attachment(""), "attachment");
  EXPECT_EQ(attachment("auth.log.gz"), "attachment; filename=\"auth.log.gz\"");
  EXPECT_EQ(attachment("a b;c=d.gz"), "attachment; filename=\"a b;c=d.gz\"");
}

TEST(Attachment, OddBytesNeverReachTheHeaderRaw) {
  EXPECT_EQ(attachment("50%.gz"), "attachment; filename=\"50_.gz\"; filename*=UTF-8''50%25.gz");
  EXPECT_EQ(attachment("..\\x/y"), "attachment; filename=\".._x_y\"");
  for (int c = 0; c < 256; ++c) {
    std::string name = "a" + std::string(1, static_cast<char>(c)) + "b";
    for (char out : attachment(name)) {
      EXPECT_GE(out, 0x20) << c;
      EXPECT_LT(out, 0x7f) << c;
    }
  }
}

TEST(DownloadName, HoldsNothingThatIsNoName) {
  EXPECT_EQ(download_name("auth.log.gz", 100), "auth.log.gz");
  EXPECT_EQ(download_name("日本 ü.gz", 100), "日本 ü.gz");
  EXPECT_EQ(download_name("a/b\\c\nd\x7f", 100), "a_b_c_d_");
  EXPECT_EQ(download_name("a\xff", 100), "a\xef\xbf\xbd");
  EXPECT_EQ(download_name("aü", 2), "a") << "not half a character";
  EXPECT_EQ(download_name("aü", 3), "aü");
}

}  // namespace
}  // namespace reachback::protocol
