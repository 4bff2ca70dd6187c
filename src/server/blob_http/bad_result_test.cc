// Bad uploads that are not the Azure protocol's: what a compromised machine may send instead of a
// result. Numbers are those of docs/bad-input.md, 5.10.
#include "server/blob_http/blob_http_bench.h"

namespace reachback::server {
namespace {

class BadResultTest : public BlobHttpTest {
 protected:
  Reply put(const std::string& bytes, HeaderList headers = {}, const std::string& more = "") {
    headers.emplace_back("x-ms-blob-type", "BlockBlob");
    return request("PUT", write_link(key_) + more, std::move(headers), bytes);
  }
};

// A server that does not know the field would store the part as the whole. Source: RFC 9110 §14.5.
TEST_F(BadResultTest, N13_APartByContentRangeIsRefusedWhateverItSays) {
  const std::string block = "&comp=block&blockid=" + percent_encode(to_base64("block-1"));
  for (const char* range :
       {"bytes 5-3/10", "bytes */x", "bytes 0-4/5", "bytes 5-9/10", "",
        "bytes 99999999999999999999-99999999999999999999/99999999999999999999", "x"}) {
    for (const std::string& more : {std::string(), block, std::string("&comp=blocklist")}) {
      auto reply = put("01234", {{"Content-Range", range}}, more);
      EXPECT_EQ(reply.status, 400) << range << more;
      EXPECT_EQ(reply.error(), "InvalidHeaderValue") << range << more;
    }
  }
  EXPECT_EQ(files_below(folder_.path()), 0u);
  EXPECT_EQ(put("01234").status, 201);
}

TEST_F(BadResultTest, N18_WhatIsCalledJsonIsGivenBackByteByByteAndNeverRead) {
  char digit = '3';
  for (const std::string& bytes :
       {std::string("{\"exit_code\":0.5}"), std::string("{\"exit_code\":0,\"exit_code\":1}"),
        std::string("{"), std::string("[]"), std::string("\xff\0{}", 4),
        std::string(100'000, '[')}) {
    const BlobKey key = test_key(digit++);
    ASSERT_EQ(
        request("PUT", write_link(key),
                {{"x-ms-blob-type", "BlockBlob"}, {"x-ms-blob-content-type", "application/json"}},
                bytes)
            .status,
        201);
    auto back = get(read_link(key));
    EXPECT_EQ(back.status, 200);
    EXPECT_EQ(back.body, bytes);
    EXPECT_EQ(back.header("content-type"), "application/json");
    EXPECT_EQ(back.header("x-content-type-options"), "nosniff");
  }
}

}  // namespace
}  // namespace reachback::server
