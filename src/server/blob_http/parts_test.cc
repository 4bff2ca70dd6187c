// The pure parts of the service: ranges, file names, block lists, checksums.
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "net/etag.h"
#include "protocol/attachment.h"
#include "server/blob_http/block_list_xml.h"
#include "server/blob_http/byte_range.h"
#include "server/blob_http/checksum.h"
#include "server/blob_http/disposition.h"

namespace reachback::server {
namespace {

TEST(ByteRange, NothingOfAnEmptyBlobCanBeSatisfied) {
  EXPECT_EQ(select_range("bytes=0-", 0).kind, ByteRange::Kind::unsatisfiable);
  EXPECT_EQ(select_range("bytes=-1", 0).kind, ByteRange::Kind::unsatisfiable);
  EXPECT_EQ(select_range(std::nullopt, 0).kind, ByteRange::Kind::whole);
}

// For every pair of offsets of a small file: what the standard says, by its definition.
TEST(ByteRange, AgreesWithTheDefinitionForEverySmallRange) {
  constexpr std::uint64_t kSize = 7;
  for (std::uint64_t first = 0; first < 10; ++first) {
    for (std::uint64_t last = 0; last < 10; ++last) {
      auto r = select_range("bytes=" + std::to_string(first) + "-" + std::to_string(last), kSize);
      if (last < first) {
        EXPECT_EQ(r.kind, ByteRange::Kind::whole);
      } else if (first >= kSize) {
        EXPECT_EQ(r.kind, ByteRange::Kind::unsatisfiable);
      } else {
        EXPECT_EQ(r.kind, ByteRange::Kind::part);
        EXPECT_EQ(r.offset, first);
        EXPECT_EQ(r.offset + r.bytes, std::min(last, kSize - 1) + 1);
      }
    }
  }
}

TEST(EtagList, NamesATagOrAll) {
  EXPECT_TRUE(net::etag_listed("\"a\"", "\"a\"", false));
  EXPECT_TRUE(net::etag_listed(" \"b\" ,\t\"a\" ", "\"a\"", false));
  EXPECT_TRUE(net::etag_listed("*", "\"a\"", false));
  EXPECT_FALSE(net::etag_listed("W/\"a\"", "\"a\"", false));
  EXPECT_TRUE(net::etag_listed("W/\"a\"", "\"a\"", true));
  EXPECT_FALSE(net::etag_listed("", "\"a\"", true));
  EXPECT_FALSE(net::etag_listed("a", "\"a\"", true));
  EXPECT_FALSE(net::etag_listed(",,,", "\"a\"", true));
}

TEST(Disposition, WhatWeWriteWeReadBack) {
  for (const char* name : {"", "a", "a b.gz", "50%.gz", "ü.gz", "\"q\".gz", "a;b=c", "日本.gz"}) {
    EXPECT_EQ(parse_disposition(protocol::attachment(name)), name);
  }
}

TEST(Disposition, ReadsTheFormsOfRfc6266) {
  EXPECT_EQ(parse_disposition("attachment"), "");
  EXPECT_EQ(parse_disposition("inline; FileName=x.gz"), "x.gz");
  EXPECT_EQ(parse_disposition("attachment ; filename=\"a\\\"b\\\\c\" "), "a\"b\\c");
  EXPECT_EQ(parse_disposition("attachment; size=3; filename=x; filename*=utf-8'en'%C3%BC"), "ü");
  for (const char* bad : {"", ";", "attachment;", "attachment; filename", "attachment; filename=",
                          "filename=\"x", "attachment; filename=a; filename=b",
                          "attachment; filename=\"x\\", "a b", "attachment; filename*=x",
                          "attachment; filename*=UTF-8''%0d%0aX", "attachment; filename=\xff",
                          "attachment; filename*=UTF-8''%ff", "attachment; filename=\"a\nb\""}) {
    EXPECT_EQ(parse_disposition(bad), std::nullopt) << bad;
  }
  EXPECT_TRUE(parse_disposition("attachment; filename=" + std::string(1024, 'x')));
  EXPECT_FALSE(parse_disposition("attachment; filename=" + std::string(1025, 'x')));
}

TEST(BlockList, ReadsWhatTheSdkWrites) {
  auto ids = parse_block_list(
      "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n<BlockList>\n"
      "  <Latest>YQ==</Latest> "
      "<Uncommitted>YmI=</Uncommitted>\t<Latest>YQ==</Latest></BlockList>\n",
      10);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(*ids, (std::vector<std::string>{"a", "bb", "a"}));
  EXPECT_TRUE(parse_block_list("<BlockList/>", 1)->empty());
  EXPECT_TRUE(parse_block_list("<BlockList></BlockList>", 1)->empty());
}

TEST(BlockList, AnyCutOfADocumentIsMalformed) {
  const std::string whole = "<?xml version=\"1.0\"?><BlockList><Latest>YQ==</Latest></BlockList>";
  ASSERT_TRUE(parse_block_list(whole, 1).ok());
  for (std::size_t keep = 0; keep < whole.size(); ++keep) {
    auto result = parse_block_list(whole.substr(0, keep), 1);
    ASSERT_FALSE(result.ok()) << keep;
    EXPECT_EQ(result.error().code, Errc::invalid_input) << keep;
  }
}

TEST(BlockList, ItsLengthIsBounded) {
  std::string xml = "<BlockList>";
  for (int i = 0; i < 4; ++i) {
    xml += "<Latest>YQ==</Latest>";
  }
  xml += "</BlockList>";
  EXPECT_TRUE(parse_block_list(xml, 4).ok());
  EXPECT_EQ(parse_block_list(xml, 3).error().code, Errc::too_large);
}

TEST(BlockList, CommittedBlocksAreNotKept) {
  EXPECT_EQ(parse_block_list("<BlockList><Committed>YQ==</Committed></BlockList>", 3).error().code,
            Errc::not_found);
}

TEST(Checksum, HasItsPublishedCheckValues) {
  Crc64Stream crc;
  crc.update("1234");
  crc.update("56789");
  EXPECT_EQ(to_hex(crc.finish()), "8898790a86148bae");  // 0xAE8B14860A799888, little end first
  Md5Stream md5;
  md5.update("message ");
  md5.update("digest");
  EXPECT_EQ(to_hex(md5.finish()), "f96b697d7cb7938d525a2f31aaf161d0");  // RFC 1321 A.5
}

}  // namespace
}  // namespace reachback::server
