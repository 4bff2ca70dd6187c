// The signatures of this file were made by generateBlobSASQueryParameters of @azure/storage-blob
// for the account, key and fields below; tests/interop has the SDK make them again.
#include "protocol/blob_sas.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace reachback::protocol {
namespace {

constexpr std::string_view kAccount = "reachback7f3a";
constexpr std::string_view kContainer = "investigation-actions-data";
constexpr std::string_view kBlob =
    "0c9f3b0e-8f3a-4f0e-9d5c-2f6f1f3c7a11/CustomPlaybookCommandOutput/"
    "4ed5e7193ad040cbb1b5b8f3d7a7e8a2";
const Timestamp kNow = *parse_time("2021-02-04T16:00:00Z");

std::string key() {
  return *from_base64(
      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==");
}

SasFields fields(std::string permissions = "r") {
  SasFields f;
  f.permissions = std::move(permissions);
  f.expires = "2021-02-04T16:13:50Z";
  f.version = "2019-07-07";
  f.resource = "b";
  return f;
}

std::string sign(const SasFields& f) {
  return sas_signature(sas_string_to_sign(f, kAccount, kContainer, kBlob), key());
}

Result<void> check(std::string_view query, char wanted = 'r', Timestamp now = kNow,
                   std::string_view peer = "10.1.2.5", std::string_view blob = kBlob) {
  RB_TRY_ASSIGN(SasQuery parsed, parse_sas_query(query));
  return verify_sas(parsed, kAccount, kContainer, blob, key(), wanted, peer, now);
}

Result<void> check_signed(const SasFields& f, char wanted = 'r', Timestamp now = kNow,
                          std::string_view peer = "10.1.2.5") {
  return check(sas_query(f, sign(f)), wanted, now, peer);
}

void expect_forbidden(const Result<void>& result, std::string_view reason) {
  ASSERT_FALSE(result.ok()) << reason;
  EXPECT_EQ(result.error().code, Errc::forbidden);
  EXPECT_NE(result.error().message.find(reason), std::string::npos) << result.error().message;
}

constexpr std::string_view kSdkRead =
    "sv=2019-07-07&se=2021-02-04T16%3A13%3A50Z&sr=b&sp=r&sig="
    "zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA%2B0%2B5V6TE%3D";
constexpr std::string_view kSdkFull =
    "sv=2019-07-07&spr=https&st=2021-02-04T15%3A00%3A00Z&se=2021-02-04T16%3A13%3A50Z"
    "&sip=10.1.2.3-10.1.2.9&sr=b&sp=racwd&rscc=no-cache"
    "&rscd=attachment%3B%20filename%3D%22a%20b%2Bc.txt%22&rsce=identity&rscl=en"
    "&rsct=text%2Fplain%3B%20charset%3Dutf-8&sig=";

TEST(BlobSas, TheStringToSignHasFifteenLines) {
  SasFields f = fields();
  EXPECT_EQ(sas_string_to_sign(f, "acc", "con", "a/b c"),
            "r\n\n2021-02-04T16:13:50Z\n/blob/acc/con/a/b c\n\n\n\n2019-07-07\nb\n\n\n\n\n\n");
}

TEST(BlobSas, SignsLikeTheAzureSdk) {
  EXPECT_EQ(sign(fields()), "zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA+0+5V6TE=");
  EXPECT_EQ(sign(fields("cw")), "DE64BVgJiIn4GHh9S/aBDAyptQqJTF0NbZt2o/sMazs=");
}

TEST(BlobSas, SignsEveryFieldLikeTheAzureSdk) {
  SasFields f = fields("racwd");
  f.starts = "2021-02-04T15:00:00Z";
  f.identifier = "pol";
  f.ip = "10.1.2.3-10.1.2.9";
  f.protocol = "https";
  f.cache_control = "no-cache";
  f.content_disposition = "attachment; filename=\"a b+c.txt\"";
  f.content_encoding = "identity";
  f.content_language = "en";
  f.content_type = "text/plain; charset=utf-8";
  EXPECT_EQ(sign(f), "Ajv3NrtFXyr8d9FB9V5QipcR685hA3rNKeR85Yr/C/s=");
}

TEST(BlobSas, WritesTheQueryInTheOrderOfMde) {
  SasFields f = fields("cw");
  EXPECT_EQ(sas_query(f, sign(f)),
            "se=2021-02-04T16%3A13%3A50Z&sp=cw&sv=2019-07-07&sr=b&sig="
            "DE64BVgJiIn4GHh9S/aBDAyptQqJTF0NbZt2o/sMazs%3D");
}

TEST(BlobSas, AcceptsWhatTheAzureSdkMinted) {
  EXPECT_TRUE(check(kSdkRead).ok());
  EXPECT_TRUE(check("sv=2019-07-07&se=2021-02-04T16%3A13%3A50Z&sr=b&sp=cw&sig="
                    "DE64BVgJiIn4GHh9S%2FaBDAyptQqJTF0NbZt2o%2FsMazs%3D",
                    'w')
                  .ok());
  EXPECT_TRUE(check("sv=2019-07-07&spr=https%2Chttp&se=2021-02-04T16%3A13%3A50Z&sip=10.1.2.3&sr=b"
                    "&sp=r&sig=y24Bwlodr7S0wI7N%2BOEf2ycUsSYZAX17wDv1TK6NUwg%3D",
                    'r', kNow, "10.1.2.3")
                  .ok());
}

TEST(BlobSas, ReadsTheHeaderOverridesOfAnSdkLink) {
  auto parsed =
      parse_sas_query(std::string(kSdkFull) + "Ajv3NrtFXyr8d9FB9V5QipcR685hA3rNKeR85Yr%2FC%2Fs%3D");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->fields.content_disposition, "attachment; filename=\"a b+c.txt\"");
  EXPECT_EQ(parsed->fields.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(parsed->fields.starts, "2021-02-04T15:00:00Z");
}

TEST(BlobSas, AStoredPolicyIsUnknown) {
  SasFields f = fields();
  f.identifier = "pol";
  expect_forbidden(check_signed(f), "stored access policy");
}

TEST(BlobSas, HexCaseAndNeedlessEncodingDecodeToTheSameBytes) {
  SasFields f = fields("cw");
  EXPECT_TRUE(check("se=2021-02-04T16:13:50Z&sp=c%77&sv=2019-07-07&sr=%62&sig="
                    "DE64BVgJiIn4GHh9S%2faBDAyptQqJTF0NbZt2o/sMazs=",
                    'w')
                  .ok());
}

TEST(BlobSas, ABarePlusIsASpaceAndNoLongerTheSignature) {
  expect_forbidden(check("se=2021-02-04T16%3A13%3A50Z&sp=r&sv=2019-07-07&sr=b&sig="
                         "zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA+0+5V6TE%3D"),
                   "sig is missing or not");
}

TEST(BlobSas, AnyBitFlippedAnywhereIsForbidden) {
  const std::string good = sas_query(fields(), sign(fields()));
  ASSERT_TRUE(check(good).ok());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      if (percent_decode(bad) == percent_decode(good)) {
        continue;  // %3a for %3A
      }
      EXPECT_FALSE(check(bad).ok()) << bad;
    }
  }
}

TEST(BlobSas, AnotherBlobsPathIsForbidden) {
  std::string other(kBlob);
  other.back() = '3';
  expect_forbidden(check(kSdkRead, 'r', kNow, "10.1.2.5", other), "signature did not match");
  other = kBlob;
  other[0] = '1';
  expect_forbidden(check(kSdkRead, 'r', kNow, "10.1.2.5", other), "signature did not match");
}

TEST(BlobSas, ASignatureThatIsNotCanonicalBase64IsForbidden) {
  const std::string head = "se=2021-02-04T16%3A13%3A50Z&sp=r&sv=2019-07-07&sr=b";
  for (const char* tail :
       {"", "&sig", "&sig=", "&sig=abcd", "&sig=zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA%2B0%2B5V6TE",
        "&sig=zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA%2B0%2B5V6TF%3D",
        "&sig=zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA-0-5V6TE%3D",
        "&sig=!!!!bglTptwgGo8OgYgcllIcnb0IcoSG8yA%2B0%2B5V6TE%3D"}) {
    expect_forbidden(check(head + tail), "sig is missing or not");
  }
  expect_forbidden(check(head + "&sig=zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA%2B0%2B5V6TE%3D%0A"),
                   "control character");
}

TEST(BlobSas, AKeyTwiceOrUnknownOrMissingIsForbidden) {
  const std::string good(kSdkRead);
  expect_forbidden(check(good + "&sp=r"), "sp is given twice");
  expect_forbidden(check(good + "&s%70=r"), "sp is given twice");
  expect_forbidden(check(good + "&se=2021-02-04T16%3A13%3A50Z"), "se is given twice");
  expect_forbidden(check(good + "&sig=zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA%2B0%2B5V6TE%3D"),
                   "sig is given twice");
  expect_forbidden(check(good + "&st="), "st is empty");
  expect_forbidden(check(good + "&x=1"), "not of a service SAS");
  expect_forbidden(check(good + "&SP=r"), "not of a service SAS");
  expect_forbidden(check(good + "&"), "not of a service SAS");
  expect_forbidden(check(""), "not of a service SAS");
  expect_forbidden(check("sv=2019-07-07&sr=b&sp=r&sig=zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA%2B0%2B5V"
                         "6TE%3D"),
                   "se is mandatory");
  expect_forbidden(check("sv=2019-07-07&se=2021-02-04T16%3A13%3A50Z&sr=b&sp=&sig="
                         "zVqObglTptwgGo8OgYgcllIcnb0IcoSG8yA%2B0%2B5V6TE%3D"),
                   "sp is empty");
  expect_forbidden(check(good + "%zz"), "not well percent-encoded");
  expect_forbidden(check(good + "%00"), "not well percent-encoded");
  expect_forbidden(check(good + std::string(9000, 'a')), "too long");
}

TEST(BlobSas, TheLinkEndsAtExactlySe) {
  const Timestamp se = *parse_time("2021-02-04T16:13:50Z");
  EXPECT_TRUE(check(kSdkRead, 'r', se - Duration(1)).ok());
  expect_forbidden(check(kSdkRead, 'r', se), "not valid in the specified time frame");
  expect_forbidden(check(kSdkRead, 'r', se + std::chrono::seconds(1)), "time frame");
}

TEST(BlobSas, TheLinkBeginsAtExactlySt) {
  SasFields f = fields();
  f.starts = "2021-02-04T15:00:00Z";
  const Timestamp st = *parse_time(f.starts);
  EXPECT_TRUE(check_signed(f, 'r', st).ok());
  expect_forbidden(check_signed(f, 'r', st - Duration(1)), "time frame");
}

TEST(BlobSas, OtherSpellingsOfTheTimeAreForbiddenEvenWhenSigned) {
  for (const char* se :
       {"2021-02-04T16:13:50+00:00", "2021-02-04T16:13:50z", "2021-02-04T16:13Z", "2021-02-04",
        "2021-02-04T16:13:50.0Z", "2021-02-04T16:13:50.0000000Z", "2021-02-04 16:13:50Z",
        "2021-02-30T16:13:50Z", "2021-02-04T16:13:60Z", " 2021-02-04T16:13:50Z"}) {
    SasFields f = fields();
    f.expires = se;
    expect_forbidden(check_signed(f), "must be UTC as");
    f = fields();
    f.starts = se;
    expect_forbidden(check_signed(f), "must be UTC as");
  }
}

TEST(BlobSas, OtherVersionsAreForbiddenWithTheReason) {
  for (const char* sv : {"2018-11-09", "2020-12-06", "2026-04-06", "2019-07-7"}) {
    SasFields f = fields();
    f.version = sv;
    expect_forbidden(check_signed(f), "must be 2019-07-07");
  }
}

TEST(BlobSas, TheResourceMustBeABlob) {
  for (const char* sr : {"c", "bs", "d", "B"}) {
    SasFields f = fields();
    f.resource = sr;
    expect_forbidden(check_signed(f), "sr must be b");
  }
}

TEST(BlobSas, ThePermissionMustHoldTheLetter) {
  expect_forbidden(check(kSdkRead, 'w'), "needs w");
  expect_forbidden(check_signed(fields("d"), 'r'), "needs r");
  expect_forbidden(check_signed(fields("cw"), 'r'), "needs r");
  EXPECT_TRUE(check_signed(fields("racwd"), 'w').ok());
}

TEST(BlobSas, TheSourceAddressMustBeInSip) {
  SasFields f = fields();
  f.ip = "10.1.2.3-10.1.2.9";
  EXPECT_TRUE(check_signed(f, 'r', kNow, "10.1.2.3").ok());
  EXPECT_TRUE(check_signed(f, 'r', kNow, "10.1.2.9").ok());
  EXPECT_TRUE(check_signed(f, 'r', kNow, "::ffff:10.1.2.5").ok());
  expect_forbidden(check_signed(f, 'r', kNow, "10.1.2.10"), "sip");
  expect_forbidden(check_signed(f, 'r', kNow, "10.1.2.2"), "sip");
  expect_forbidden(check_signed(f, 'r', kNow, "::1"), "sip");
  f.ip = "10.1.2.3";
  EXPECT_TRUE(check_signed(f, 'r', kNow, "10.1.2.3").ok());
  expect_forbidden(check_signed(f, 'r', kNow, "10.1.2.4"), "sip");
  f.ip = "everyone";
  expect_forbidden(check_signed(f, 'r', kNow, "10.1.2.4"), "sip");
}

TEST(BlobSas, SprIsOneOfTheTwoThatAzureKnows) {
  SasFields f = fields();
  for (const char* spr : {"https", "https,http"}) {
    f.protocol = spr;
    EXPECT_TRUE(check_signed(f).ok());
  }
  for (const char* spr : {"http", "HTTPS", "ftp"}) {
    f.protocol = spr;
    expect_forbidden(check_signed(f), "spr");
  }
}

// Found while writing the properties of fuzz/sas: "a\nb" and "c" sign as "a" and "b\nc" do.
TEST(BlobSas, ALineBreakCannotMoveTextFromOneFieldIntoTheNext) {
  SasFields one = fields(), other = fields();
  one.cache_control = "a\nb";
  one.content_disposition = "c";
  other.cache_control = "a";
  other.content_disposition = "b\nc";
  ASSERT_EQ(sign(one), sign(other));
  expect_forbidden(check_signed(one), "control character");
  expect_forbidden(check(sas_query(other, sign(one))), "control character");
}

TEST(BlobSas, AnotherKeyDoesNotVerify) {
  auto parsed = parse_sas_query(kSdkRead);
  ASSERT_TRUE(parsed.ok());
  expect_forbidden(
      verify_sas(*parsed, kAccount, kContainer, kBlob, std::string(64, 'k'), 'r', "10.1.2.5", kNow),
      "signature did not match");
}

TEST(BlobSas, TheTokenIdIsTheSameAtMintAndAtDownload) {
  const std::string link = "https://h/a/c/b?" + sas_query(fields(), sign(fields()));
  auto id = sas_token_id_of_link(link);
  ASSERT_TRUE(id.ok());
  auto parsed = parse_sas_query(kSdkRead);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*id, sas_token_id(parsed->signature));
  EXPECT_EQ(id->size(), 64u);
  EXPECT_FALSE(sas_token_id_of_link("https://h/a/c/b").ok());
  EXPECT_FALSE(sas_token_id_of_link("").ok());
}

}  // namespace
}  // namespace reachback::protocol
