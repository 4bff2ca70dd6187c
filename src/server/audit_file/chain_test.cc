#include "server/audit_file/chain.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "json/json.h"

namespace reachback::server {
namespace {

AccessRecord record() {
  return {from_micros(1'767'225'600'000'000), TenantId(), "mint", "ann", "t1", "o", "200", "::1"};
}

TEST(AuditChain, the_line_is_as_documented) {
  AuditHead head;
  std::string out;
  append_audit_line(out, head, audit_body(record()));
  std::string hashed =
      R"({"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000",)"
      R"("at":"2026-01-01T00:00:00Z","tenant":"00000000-0000-0000-0000-000000000000",)"
      R"("kind":"mint","principal":"ann","token_id":"t1","object":"o","result":"200",)"
      R"("peer_ip":"::1")";
  std::string hash = to_hex(as_bytes(crypto::sha256(hashed)));
  EXPECT_EQ(out, hashed + R"(,"hash":")" + hash + "\"}\n");
  EXPECT_EQ(head.seq, 1u);
  append_audit_line(out, head, audit_body(record()));
  EXPECT_NE(out.find(R"("prev":")" + hash), std::string::npos);
}

TEST(AuditChain, hostile_fields_stay_in_their_string) {
  for (const std::string& evil :
       {std::string("\",\"hash\":\""), std::string("a\nb\r\0c", 6), std::string("\xff\xfe\x80"),
        std::string("\\"), std::string("\x7f\u2028"), std::string(100'000, '\x01'),
        std::string("}\n{\"seq\":2")}) {
    AccessRecord r = record();
    r.kind = r.principal = r.token_id = r.object = r.result = r.peer_ip = evil;
    AuditHead head;
    std::string out;
    append_audit_line(out, head, audit_body(r));
    EXPECT_LE(out.size(), kAuditLineBytesMax);
    ASSERT_EQ(out.find('\n'), out.size() - 1);
    EXPECT_EQ(out.find('\0'), std::string::npos);
    auto parsed = json::parse(out);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    EXPECT_EQ(parsed->as_object().size(), 11u);
    if (is_valid_utf8(evil) && evil.size() <= kAuditFieldBytesMax) {
      EXPECT_EQ(parsed->at("principal").as_string(), evil);
    }
    AuditHead reader;
    EXPECT_EQ(follow_audit_line(out.substr(0, out.size() - 1), reader), "");
    EXPECT_EQ(reader, head);
  }
}

TEST(AuditChain, no_byte_of_a_line_can_change) {
  AuditHead head;
  std::string out;
  append_audit_line(out, head, audit_body(record()));
  out.pop_back();
  for (std::size_t bit = 0; bit < out.size() * 8; ++bit) {
    std::string changed = out;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    AuditHead reader;
    EXPECT_NE(follow_audit_line(changed, reader), "") << changed;
    EXPECT_EQ(reader, AuditHead());
  }
  for (std::size_t size = 0; size < out.size(); ++size) {
    AuditHead reader;
    EXPECT_NE(follow_audit_line(std::string(out.data(), size), reader), "");
  }
  AuditHead reader;
  EXPECT_NE(follow_audit_line(out + " ", reader), "");
  EXPECT_EQ(follow_audit_line(out, reader), "");
}

}  // namespace
}  // namespace reachback::server
