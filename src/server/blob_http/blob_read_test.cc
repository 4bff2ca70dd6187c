// The list of bad inputs of trust.md §5.6, one test or more for each number, and clients.md 28-30.
#include <filesystem>
#include <fstream>

#include "server/blob_http/blob_http_bench.h"

namespace reachback::server {
namespace {

constexpr std::string_view kXmlHead = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>";

class BlobReadTest : public BlobHttpTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(bench_->put_blob(key_, bytes_, {"application/json", "result.json"}).ok());
    link_ = read_link(key_);
  }
  // 403, and told apart from no other 403.
  void expect_refused(const Reply& reply, const std::string& what) {
    EXPECT_EQ(reply.status, 403) << what;
    EXPECT_EQ(reply.error(), "AuthenticationFailed") << what;
    EXPECT_EQ(reply.body, get("/reachback7f3a/x").body) << what;
  }
  // The link with another value of a key.
  std::string with_value(const std::string& key, const std::string& value) {
    auto at = link_.find(key + "=") + key.size() + 1;
    auto end = std::min(link_.find('&', at), link_.size());
    return link_.substr(0, at) + value + link_.substr(end);
  }
  std::string value(const std::string& key) {
    auto at = link_.find(key + "=") + key.size() + 1;
    return link_.substr(at, link_.find('&', at) - at);
  }

 protected:
  std::string path_of(const BlobKey& key) {
    return folder_.path() + "/blobs/" + key.tenant().text() + "/" + key.name().substr(0, 2) + "/" +
           key.name();
  }
  // As a bad disk does.
  void flip(const BlobKey& key, std::uint64_t at) {
    std::fstream file(path_of(key), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(file.good());
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }

  const std::string bytes_ = "{\"script_output\": \"0123456789\"}";
  std::string link_;
};

TEST_F(BlobReadTest, AGoodLinkGivesTheBytesAndTheHeadersOfAzure) {
  auto reply = get(link_);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, bytes_);
  EXPECT_EQ(reply.header("content-type"), "application/json");
  EXPECT_EQ(reply.header("content-disposition"), "attachment; filename=\"result.json\"");
  EXPECT_EQ(reply.header("etag"), "\"" + to_hex(as_bytes(crypto::sha256(bytes_))) + "\"");
  EXPECT_EQ(reply.header("accept-ranges"), "bytes");
  EXPECT_EQ(reply.header("x-ms-blob-type"), "BlockBlob");
  EXPECT_EQ(reply.header("x-ms-version"), "2019-07-07");
  EXPECT_EQ(reply.header("x-ms-request-id").size(), 36u);
  EXPECT_EQ(reply.header("cache-control"), "no-store");
  EXPECT_EQ(reply.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(reply.header("content-encoding"), "");
  EXPECT_EQ(reply.header("last-modified").size(), 29u);
  EXPECT_TRUE(reply.header("last-modified").ends_with(" GMT"));
}

TEST_F(BlobReadTest, N01_NoQueryIsRefusedWhetherTheBlobIsThereOrNot) {
  expect_refused(get(link_.substr(0, link_.find('?'))), "there");
  const std::string absent = read_link(test_key('9'));
  expect_refused(get(absent.substr(0, absent.find('?'))), "absent");
  auto reply = get(absent);  // with a good signature the truth may be told
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.error(), "BlobNotFound");
  EXPECT_TRUE(reply.body.starts_with(std::string(kXmlHead) + "BlobNotFound</Code><Message>"));
}

TEST_F(BlobReadTest, N02_ASignatureMissingEmptyShortOrNotBase64IsRefused) {
  for (const char* sig : {"", "abcd", "!!!!", "AAAA%3D", "%00"}) {
    expect_refused(get(with_value("sig", sig)), sig);
  }
  expect_refused(get(link_.substr(0, link_.find("&sig="))), "no sig");
  auto reply = get(with_value("sig", ""));
  EXPECT_TRUE(reply.body.starts_with(std::string(kXmlHead) + "AuthenticationFailed</Code>"));
  EXPECT_EQ(reply.header("content-type"), "application/xml");
  EXPECT_EQ(reply.header("x-ms-request-id").size(), 36u);
}

TEST_F(BlobReadTest, N03_AnythingChangedIsRefused) {
  std::string sig = value("sig");
  sig[0] = sig[0] == 'A' ? 'B' : 'A';
  expect_refused(get(with_value("sig", sig)), "sig");
  expect_refused(get(with_value("se", "2099-01-01T00%3A00%3A00Z")), "se");
  expect_refused(get(with_value("sp", "w")), "sp");
  expect_refused(get(with_value("sr", "c")), "sr");
  expect_refused(get(with_value("sv", "2019-07-08")), "sv");
  std::string path = link_;
  path[path.find('?') - 1] ^= 1;
  expect_refused(get(path), "path");
}

TEST_F(BlobReadTest, N04_TheLinkIsOverAtExactlySe) {
  clock_.advance(std::chrono::minutes(30) - Duration(1));
  EXPECT_EQ(get(link_).status, 200);
  clock_.advance(Duration(1));
  expect_refused(get(link_), "at se");
  clock_.advance(std::chrono::seconds(1));
  expect_refused(get(link_), "after se");
}

TEST_F(BlobReadTest, N05_OtherSpellingsOfSeAreRefusedEvenWhenSigned) {
  for (const char* se : {"2099-01-01T00:00:00+00:00", "2099-01-01T00:00:00z", "2099-01-01T00:00Z",
                         "2099-01-01T00:00:00.0Z"}) {
    protocol::SasFields fields;
    fields.permissions = "r";
    fields.expires = se;
    expect_refused(get(signed_target(key_, fields)), se);
  }
  protocol::SasFields fields;
  fields.permissions = "r";
  fields.expires = "2099-01-01T00:00:00Z";
  EXPECT_EQ(get(signed_target(key_, fields)).status, 200);
}

TEST_F(BlobReadTest, N06_OtherEncodingsCountWhenTheyDecodeToTheSameBytes) {
  auto sig = *percent_decode(value("sig"));
  EXPECT_EQ(get(with_value("sig", percent_encode(sig))).status, 200);
  EXPECT_EQ(get(with_value("sig", to_lower(percent_encode(sig)) == percent_encode(sig)
                                      ? percent_encode(sig)
                                      : percent_encode(sig, "/=")))
                .status,
            200);
  EXPECT_EQ(
      get(with_value(
              "se",
              to_lower(value("se")).replace(10, 1, "T").replace(value("se").size() - 1, 1, "Z")))
          .status,
      200);  // %3a
  // A '+' is a space in a query, so a signature that has one must have it as %2B.
  for (int i = 0; i < 200; ++i) {
    clock_.advance(std::chrono::seconds(1));
    link_ = read_link(key_);
    sig = *percent_decode(value("sig"));
    if (sig.find('+') != std::string::npos) {
      EXPECT_EQ(get(link_).status, 200);
      expect_refused(get(with_value("sig", percent_encode(sig, "+/"))), "bare +");
      return;
    }
  }
  FAIL() << "no signature with a + in 200";
}

TEST_F(BlobReadTest, N07_OtherPermissionsAreRefusedOnThePublicSideEvenWhenSigned) {
  for (const char* sp : {"rw", "d", "racwd", "w", "cw"}) {
    expect_refused(get(with_value("sp", sp)), sp);
    protocol::SasFields fields;
    fields.permissions = sp;
    expect_refused(get(signed_target(key_, fields)), sp);
  }
}

TEST_F(BlobReadTest, N08_AKeyTwiceIsRefused) {
  for (const char* key : {"sig", "se", "sp", "sv", "sr"}) {
    expect_refused(get(with(link_, std::string(key) + "=" + value(key))), key);
  }
}

TEST_F(BlobReadTest, N09_AnUnknownKeyIsRefused) {
  for (const char* more : {"x=1", "timeout=30", "snapshot=2020", "st=", "", "&", "=", "SIG=a"}) {
    expect_refused(get(with(link_, more)), more);
  }
}

TEST_F(BlobReadTest, N10_ALinkGivesOnlyItsOwnBlob) {
  ASSERT_TRUE(bench_->put(test_key('3'), "other").ok());
  const std::string other = read_link(test_key('3'));
  expect_refused(get(other.substr(0, other.find('?')) + link_.substr(link_.find('?'))), "mixed");
  EXPECT_EQ(get(other).body, "other");
}

TEST_F(BlobReadTest, N11_NoSpellingOfThePathButTheOneIsServed) {
  const std::string target = target_of(link_);
  const std::string path = target.substr(0, target.find('?')), query = target.substr(path.size());
  const std::string account = "/reachback7f3a";
  std::string upper = path;
  upper[upper.size() - 2] = 'A';  // of "...8a2": the same digits in upper case
  for (const std::string& bad :
       {account + "/" + path.substr(account.size()), path + "/", path + "/..",
        path + "/../" + path.substr(path.size() - 32), account + "/." + path.substr(account.size()),
        account + "/%2e%2e" + path.substr(account.size()),
        account + "/investigation-actions-data/../../../../etc/passwd",
        account + "/investigation-actions-data%2f" + path.substr(account.size() + 28),
        path.substr(0, path.size() - 32) + "..%2f..%2f..%2f..%2fetc%2fpasswd",
        path.substr(0, path.size() - 1), path + "0", upper, account, account + "/"}) {
    expect_refused(get(bad + query), bad);
  }
  // Nor when the other spelling is what was signed.
  const std::string tenant = key_.tenant().text(), folder = "/CustomPlaybookCommandOutput/";
  std::string shout = tenant;
  std::transform(shout.begin(), shout.end(), shout.begin(), ::toupper);
  protocol::SasFields fields;
  fields.permissions = "r";
  ASSERT_EQ(get(signed_path(tenant + folder + key_.name(), fields)).status, 200);
  for (const std::string& bad : {shout + folder + key_.name(), tenant + "/x/" + key_.name(),
                                 tenant + folder + "..", tenant + folder + key_.name() + "/."}) {
    expect_refused(get(signed_path(bad, fields)), bad);
  }
  EXPECT_EQ(get("/" + path + query).status, 404);  // not the account's path at all
}

TEST_F(BlobReadTest, N12_OtherMethodsAreRefused) {
  for (const char* method : {"PUT", "DELETE", "POST"}) {
    expect_refused(request(method, link_, {{"x-ms-blob-type", "BlockBlob"}}, ""), method);
  }
  for (const char* comp :
       {"list", "block", "blocklist", "metadata", "properties", "lease", "copy", "snapshot"}) {
    expect_refused(get(with(link_, std::string("comp=") + comp)), comp);
  }
  expect_refused(get(with(link_, "restype=container&comp=list")), "list");
  for (const char* method : {"PATCH", "OPTIONS"}) {
    auto reply = request(method, link_);
    EXPECT_EQ(reply.status, 405) << method;
    EXPECT_EQ(reply.error(), "UnsupportedHttpVerb") << method;
    EXPECT_EQ(reply.header("allow"), "GET, HEAD") << method;
  }
  EXPECT_EQ(get(link_).body, bytes_);
}

TEST_F(BlobReadTest, N13_HeadHasTheHeadersOfGetAndNoBody) {
  auto whole = get(link_);
  auto reply = request("HEAD", link_);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
  for (const char* name : {"content-length", "etag", "last-modified", "content-type",
                           "content-disposition", "accept-ranges", "x-ms-blob-type"}) {
    EXPECT_EQ(reply.header(name), whole.header(name)) << name;
  }
  EXPECT_EQ(reply.header("content-length"), std::to_string(bytes_.size()));
  auto refused = request("HEAD", with_value("sp", "d"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.error(), "AuthenticationFailed");
}

TEST_F(BlobReadTest, N14_OneRangeGivesThatPart) {
  const std::string size = std::to_string(bytes_.size());
  struct Case {
    const char* range;
    std::size_t first, last;
  };
  const std::size_t end = bytes_.size() - 1;
  for (const Case& c : {Case{"bytes=0-0", 0, 0}, Case{"bytes=2-5", 2, 5}, Case{"bytes=7-", 7, end},
                        Case{"bytes=-3", end - 2, end}, Case{"bytes=-999", 0, end},
                        Case{"bytes=0-99999999999999999999999", 0, end}}) {
    for (const char* header : {"Range", "x-ms-range"}) {
      auto reply = get(link_, {{header, c.range}});
      EXPECT_EQ(reply.status, 206) << c.range;
      EXPECT_EQ(reply.body, bytes_.substr(c.first, c.last - c.first + 1)) << c.range;
      EXPECT_EQ(reply.header("content-range"),
                "bytes " + std::to_string(c.first) + "-" + std::to_string(c.last) + "/" + size);
      EXPECT_EQ(reply.header("content-length"), std::to_string(c.last - c.first + 1));
    }
  }
  EXPECT_EQ(get(link_, {{"Range", "bytes=0-0"}, {"x-ms-range", "bytes=1-1"}}).body,
            bytes_.substr(1, 1));
}

TEST_F(BlobReadTest, N15_SeveralOrMalformedRangesGiveTheWholeOnceAndUnsatisfiableOnes416) {
  std::string hundred = "bytes=0-0";
  for (int i = 0; i < 99; ++i) {
    hundred += ",0-";
  }
  for (const std::string& range :
       {hundred, std::string("bytes=0-4,2-6"), std::string("bytes=5-3"), std::string("x=0-1"),
        std::string("bytes=a-b"), std::string("bytes=-"), std::string("bytes=1"),
        std::string("bytes=+1-2"), std::string("0-1"), std::string("bytes= 1 - 2")}) {
    auto reply = get(link_, {{"Range", range}});
    EXPECT_EQ(reply.status, 200) << range;
    EXPECT_EQ(reply.body, bytes_) << range;
  }
  EXPECT_EQ(get(link_, {{"Range", "bytes=0-0"}, {"Range", "bytes=1-1"}}).body, bytes_);
  for (const char* range : {"bytes=31-", "bytes=1000-2000", "bytes=-0",
                            "bytes=99999999999999999999-99999999999999999999"}) {
    auto reply = get(link_, {{"Range", range}});
    EXPECT_EQ(reply.status, 416) << range;
    EXPECT_EQ(reply.error(), "InvalidRange");
    EXPECT_EQ(reply.header("content-range"), "bytes */" + std::to_string(bytes_.size()));
  }
}

TEST_F(BlobReadTest, N16_ConditionsGoByTheStrongTag) {
  const std::string etag = get(link_).header("etag");
  EXPECT_EQ(get(link_, {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(get(link_, {{"If-None-Match", "W/" + etag}}).status, 304);
  EXPECT_EQ(get(link_, {{"If-None-Match", "\"x\", " + etag}}).header("etag"), etag);
  EXPECT_EQ(get(link_, {{"If-None-Match", "*"}}).status, 304);
  EXPECT_EQ(get(link_, {{"If-None-Match", "\"x\""}}).status, 200);
  EXPECT_EQ(get(link_, {{"If-Match", etag}}).status, 200);
  EXPECT_EQ(get(link_, {{"If-Match", "*"}}).status, 200);
  auto reply = get(link_, {{"If-Match", "W/" + etag}});
  EXPECT_EQ(reply.status, 412);
  EXPECT_EQ(reply.error(), "ConditionNotMet");
  EXPECT_EQ(get(link_, {{"If-Match", "\"x\""}}).status, 412);
  EXPECT_EQ(get(link_, {{"If-Range", etag}, {"Range", "bytes=0-0"}}).status, 206);
  EXPECT_EQ(get(link_, {{"If-Range", "\"x\""}, {"Range", "bytes=0-0"}}).status, 200);
}

TEST_F(BlobReadTest, N17_ABearerTokenIsIgnoredAndWrittenDownNowhere) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(get(link_, {{"Authorization", "Bearer very-secret-token"}}).body, bytes_);
  expect_refused(get(with_value("sp", "d"), {{"Authorization", "Bearer very-secret-token"}}), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr().find("very-secret"), std::string::npos);
  for (const AccessRecord& record : audit_.records()) {
    for (const auto& text : {record.principal, record.token_id, record.object, record.result}) {
      EXPECT_EQ(text.find("very-secret"), std::string::npos);
    }
  }
}

TEST_F(BlobReadTest, N18_TheFormerKeysLinksAreGoodUntilItIsTakenOut) {
  bench_.reset();
  auto options = test_options(folder_.path());
  options.account_keys.insert(options.account_keys.begin(), Secret(std::string(64, 'n')));
  bench_ = std::make_unique<BlobBench>(options);
  http_ = std::make_unique<BlobHttp>(bench_->store(), audit_, clock_, random_);
  EXPECT_EQ(get(target_of(link_)).status, 200);
  bench_->store().set_bases("http://" + public_->address(), "http://" + agents_->address());
  EXPECT_NE(target_of(read_link(key_)), target_of(link_));
  EXPECT_EQ(get(read_link(key_)).status, 200);

  options.account_keys.pop_back();
  http_.reset();
  bench_.reset();
  bench_ = std::make_unique<BlobBench>(options);
  http_ = std::make_unique<BlobHttp>(bench_->store(), audit_, clock_, random_);
  expect_refused(get(target_of(link_)), "rotated out");
}

TEST_F(BlobReadTest, N20_AfterRemovalThereIsNothing) {
  auto removed = testing::wait_for(
      [&](auto done) { bench_->store().remove(key_.tenant(), key_.name(), done); });
  ASSERT_TRUE(removed.ok());
  auto reply = get(link_);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.error(), "BlobNotFound");
  EXPECT_EQ(reply.header("cache-control"), "no-store");
}

TEST_F(BlobReadTest, EveryDownloadIsOnRecordBeforeItsFirstByte) {
  EXPECT_EQ(get(link_).status, 200);
  EXPECT_EQ(get(link_, {{"Range", "bytes=0-0"}}).status, 206);
  auto records = audit_.records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].kind, "download");
  EXPECT_EQ(records[0].principal, "link");
  EXPECT_EQ(records[0].object, key_.name());
  EXPECT_EQ(records[0].tenant, key_.tenant());
  EXPECT_EQ(records[0].token_id, *protocol::sas_token_id_of_link(link_));
  EXPECT_EQ(records[0].result, "200");
  EXPECT_EQ(records[0].peer_ip, "127.0.0.1");
  EXPECT_EQ(records[0].at, clock_.now());
  EXPECT_EQ(records[1].result, "206");
  EXPECT_EQ(request("HEAD", link_).status, 200);
  EXPECT_EQ(get(with_value("sp", "d")).status, 403);
  EXPECT_EQ(audit_.records().size(), 2u);
}

TEST_F(BlobReadTest, ADownloadThatCannotBeRecordedIsRefused) {
  audit_.fail(true);
  auto reply = get(link_);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.error(), "ServerBusy");
  EXPECT_EQ(reply.body.find("script_output"), std::string::npos);
  audit_.fail(false);
  EXPECT_EQ(get(link_).body, bytes_);
}

TEST_F(BlobReadTest, ASignedOverrideOfTheHeadersIsHonouredAndCannotInjectOne) {
  protocol::SasFields fields;
  fields.permissions = "r";
  fields.content_type = "text/plain";
  fields.content_disposition = "attachment; filename=\"x.txt\"";
  auto reply = get(signed_target(key_, fields));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("content-type"), "text/plain");
  EXPECT_EQ(reply.header("content-disposition"), "attachment; filename=\"x.txt\"");
  fields.content_type = "text/plain\r\nSet-Cookie: a=b";
  expect_refused(get(signed_target(key_, fields)), "injection");
}

TEST_F(BlobReadTest, AgentsReadScriptsOnTheirOwnListener) {
  auto reply = get(read_link(key_, LinkHost::agent_listener));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, bytes_);
  EXPECT_EQ(audit_.records().size(), 1u);
}

TEST_F(BlobReadTest, AnEmptyBlobIsServed) {
  ASSERT_TRUE(bench_->put(test_key('3'), "").ok());
  auto reply = get(read_link(test_key('3')));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("content-length"), "0");
  EXPECT_EQ(get(read_link(test_key('3')), {{"Range", "bytes=0-"}}).status, 416);
}

TEST_F(BlobReadTest, AnOddFileNameIsShownSafely) {
  ASSERT_TRUE(bench_->put_blob(test_key('3'), "x", {"text/plain", "a\"\r\nX: y/ü.gz"}).ok());
  auto reply = get(read_link(test_key('3')));
  EXPECT_EQ(reply.header("content-disposition"),
            "attachment; filename=\"a___X: y___.gz\"; filename*=UTF-8''a%22__X%3A%20y_%C3%BC.gz");
  EXPECT_EQ(reply.header("x"), "");
}

TEST_F(BlobReadTest, ALargeBlobStreamsWhole) {
  std::string large(5'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 1000) {
    large[i] = static_cast<char>('a' + i / 1000 % 26);
  }
  ASSERT_TRUE(bench_->put(test_key('3'), large).ok());
  EXPECT_EQ(get(read_link(test_key('3'))).body, large);
  EXPECT_EQ(get(read_link(test_key('3')), {{"Range", "bytes=1000000-3999999"}}).body,
            large.substr(1'000'000, 3'000'000));
}

TEST_F(BlobReadTest, ABlobWhoseBytesChangedOnTheDiskIsNotServed) {
  flip(key_, 5);
  auto reply = get(link_);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.error(), "ServerBusy");
  EXPECT_EQ(reply.body.find("0123456789"), std::string::npos);
  EXPECT_TRUE(audit_.records().empty());  // nothing was given out
}

TEST_F(BlobReadTest, ABlobWhoseTrailerIsDamagedIsNotServed) {
  std::filesystem::resize_file(path_of(key_), 20);
  auto reply = get(link_);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.error(), "ServerBusy");
}

TEST_F(BlobReadTest, ALargeBlobWhoseBytesChangedIsCutBeforeItsEnd) {
  const std::string large = random_.bytes(5'000'000);
  for (std::uint64_t at : {std::uint64_t{0}, std::uint64_t{2'500'000}, std::uint64_t{4'999'999}}) {
    const BlobKey key = test_key(static_cast<char>('3' + at % 3));
    ASSERT_TRUE(bench_->put(key, large).ok());
    flip(key, at);
    auto reply = get(read_link(key));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("content-length"), "5000000");
    EXPECT_LT(reply.body.size(), large.size()) << at;
  }
}

TEST_F(BlobReadTest, TheServiceTakesOnlyItsAccountsPaths) {
  EXPECT_TRUE(http_->handles("/reachback7f3a/x"));
  EXPECT_TRUE(http_->handles("/reachback7f3a"));
  EXPECT_FALSE(http_->handles("/reachback7f3ab/x"));
  EXPECT_FALSE(http_->handles("/api/machines"));
  EXPECT_FALSE(http_->handles(""));
}

}  // namespace
}  // namespace reachback::server
