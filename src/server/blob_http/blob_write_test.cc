// The list of bad inputs of trust.md §5.10 as far as it is the blob service's (offsets are blocks
// here), and the write half of the Azure protocol.
#include <thread>

#include "crypto/digest.h"
#include "server/blob_fs/fake_disk.h"
#include "server/blob_http/blob_http_bench.h"

namespace reachback::server {
namespace {

std::string block_id(int n) {
  return percent_encode(to_base64("block-" + std::to_string(n)));
}
std::string block_list(std::initializer_list<int> numbers) {
  std::string out = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
  for (int n : numbers) {
    out += "<Latest>" + to_base64("block-" + std::to_string(n)) + "</Latest>";
  }
  return out + "</BlockList>";
}

class BlobWriteTest : public BlobHttpTest {
 protected:
  const HeaderList kBlockBlob = {{"x-ms-blob-type", "BlockBlob"}};

  std::string link() { return write_link(key_); }
  Reply put_blob(const std::string& bytes, HeaderList more = {}) {
    more.insert(more.end(), kBlockBlob.begin(), kBlockBlob.end());
    return request("PUT", link(), more, bytes);
  }
  Reply put_block(int n, const std::string& bytes, HeaderList more = {}) {
    return request("PUT", with(link(), "comp=block&blockid=" + block_id(n)), more, bytes);
  }
  Reply put_list(const std::string& xml, HeaderList more = {}) {
    return request("PUT", with(link(), "comp=blocklist"), more, xml);
  }
  void expect_error(const Reply& reply, int status, const std::string& code) {
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.error(), code);
  }
  // Until the server has begun with what a request sends, or dropped what it left.
  void wait_for_files(std::size_t count) {
    while (files_below(folder_.path()) != count) {  // or the test's time is over
      ::usleep(1000);
    }
  }
};

TEST_F(BlobWriteTest, PutBlobStoresBytesAndWhatReadersAreTold) {
  auto reply = put_blob(
      "gz bytes", {{"x-ms-blob-content-type", "application/gzip"},
                   {"x-ms-blob-content-disposition", "attachment; filename=\"auth.log.gz\""}});
  EXPECT_EQ(reply.status, 201) << reply.body;
  EXPECT_EQ(reply.header("etag"), "\"" + to_hex(as_bytes(crypto::sha256("gz bytes"))) + "\"");
  EXPECT_TRUE(reply.header("last-modified").ends_with(" GMT"));
  EXPECT_EQ(reply.header("x-ms-version"), "2019-07-07");
  auto back = get(read_link(key_));
  EXPECT_EQ(back.body, "gz bytes");
  EXPECT_EQ(back.header("content-type"), "application/gzip");
  EXPECT_EQ(back.header("content-disposition"), "attachment; filename=\"auth.log.gz\"");
}

TEST_F(BlobWriteTest, AnEmptyBlobCanBePut) {
  EXPECT_EQ(put_blob("").status, 201);
  EXPECT_EQ(get(read_link(key_)).header("content-length"), "0");
}

TEST_F(BlobWriteTest, BlocksAreJoinedByTheirList) {
  const std::string a(400'000, 'a'), b(100'000, 'b');
  EXPECT_EQ(put_block(1, a).status, 201);
  EXPECT_EQ(put_block(2, b).status, 201);
  auto reply = put_list(block_list({2, 1}), {{"x-ms-blob-content-type", "application/json"},
                                             {"Content-Type", "application/xml"}});
  EXPECT_EQ(reply.status, 201) << reply.body;
  auto back = get(read_link(key_));
  EXPECT_EQ(back.body, b + a);
  EXPECT_EQ(back.header("content-type"), "application/json");
}

TEST_F(BlobWriteTest, WriteLinksAreForTheAgentsListenerOnly) {
  const std::string target = target_of(link());
  expect_error(request("PUT", target, kBlockBlob, "x"), 403, "AuthenticationFailed");
  expect_error(get(link()), 403, "AuthenticationFailed");
  expect_error(request("PUT", read_link(key_, LinkHost::agent_listener), kBlockBlob, "x"), 403,
               "AuthenticationFailed");
  expect_error(request("DELETE", link()), 403, "AuthenticationFailed");
  expect_error(request("POST", link()), 403, "AuthenticationFailed");
  expect_error(request("PATCH", link()), 405, "UnsupportedHttpVerb");
  clock_.advance(std::chrono::hours(1));
  const std::string old = link();
  clock_.advance(std::chrono::hours(1));
  expect_error(request("PUT", old, kBlockBlob, "x"), 403, "AuthenticationFailed");
  EXPECT_EQ(files_below(folder_.path()), 0u);
}

// N01 (a foreign, unknown or purged action): a link is for one name, and no name can be guessed.
TEST_F(BlobWriteTest, N01_ALinkWritesItsOwnNameOnly) {
  std::string other = link();
  other[other.find('?') - 1] ^= 1;
  expect_error(request("PUT", other, kBlockBlob, "x"), 403, "AuthenticationFailed");
}

TEST_F(BlobWriteTest, N03_AListThatIsAheadOfTheBlocksIsRefusedAndTheBlocksCanBeAskedFor) {
  ASSERT_EQ(put_block(1, "one").status, 201);
  expect_error(put_list(block_list({1, 2})), 400, "InvalidBlockList");
  auto staged = get(with(link(), "comp=blocklist&blocklisttype=uncommitted"));
  EXPECT_EQ(staged.status, 200);
  EXPECT_EQ(staged.body,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><CommittedBlocks />"
            "<UncommittedBlocks><Block><Name>" +
                to_base64("block-1") +
                "</Name><Size>3</Size></Block></UncommittedBlocks></BlockList>");
  EXPECT_EQ(get(with(link(), "comp=blocklist")).body.find("<Block>"), std::string::npos);
  expect_error(get(with(link(), "comp=blocklist&blocklisttype=x")), 400,
               "InvalidQueryParameterValue");
  EXPECT_EQ(put_block(2, "two").status, 201);
  EXPECT_EQ(put_list(block_list({1, 2})).status, 201);
}

TEST_F(BlobWriteTest, N04_TheSameBytesAgainAreFineOthersAreNot) {
  ASSERT_EQ(put_block(1, "one").status, 201);
  EXPECT_EQ(put_block(1, "one").status, 201);
  ASSERT_EQ(put_list(block_list({1})).status, 201);
  EXPECT_EQ(put_blob("one").status, 201);
  expect_error(put_blob("two"), 409, "BlobAlreadyExists");
  expect_error(put_blob("one", {{"If-None-Match", "*"}}), 409, "BlobAlreadyExists");
  EXPECT_EQ(get(read_link(key_)).body, "one");
}

TEST_F(BlobWriteTest, N05_TooMuchIsRefusedBeforeTheBody) {
  BlobLimits limits;
  limits.put_bytes_max = 100;
  limits.block_bytes_max = 10;
  limits.blob_bytes_max = 15;
  restart(limits);
  for (const std::string& url : {link(), with(link(), "comp=block&blockid=" + block_id(1)),
                                 with(link(), "comp=blocklist")}) {
    RawConnection connection(agents_->address());
    connection.send(request_text("PUT", target_of(url),
                                 {{"x-ms-blob-type", "BlockBlob"},
                                  {"Content-Length", "3221225473"},
                                  {"Expect", "100-continue"}}));
    expect_error(connection.receive(), 413, "RequestBodyTooLarge");  // and no 100 before it
  }
  ASSERT_EQ(put_block(1, "0123456789").status, 201);
  expect_error(put_block(2, "012345"), 413, "RequestBodyTooLarge");
  EXPECT_EQ(put_block(2, "01234").status, 201);
}

TEST_F(BlobWriteTest, N06_ABodyCutShortLeavesNothing) {
  {
    RawConnection connection(agents_->address());
    connection.send(request_text("PUT", target_of(link()),
                                 {{"x-ms-blob-type", "BlockBlob"}, {"Content-Length", "10"}}) +
                    "01234");
    wait_for_files(1);
    connection.close();
    wait_for_files(0);
  }
  {
    RawConnection connection(agents_->address());
    connection.send(
        request_text("PUT",
                     target_of(write_link(test_key('3'))) + "&comp=block&blockid=" + block_id(1),
                     {{"Content-Length", "10"}}) +
        "01234");
    wait_for_files(1);
    connection.close();
    wait_for_files(0);
  }
  EXPECT_EQ(get(read_link(key_)).status, 404);
}

TEST_F(BlobWriteTest, N06_ABodyLongerThanDeclaredIsCutAtItsLength) {
  RawConnection connection(agents_->address());
  connection.send(request_text("PUT", target_of(link()),
                               {{"x-ms-blob-type", "BlockBlob"}, {"Content-Length", "10"}}) +
                  "01234567890");
  EXPECT_EQ(connection.receive().status, 201);
  EXPECT_EQ(get(read_link(key_)).body, "0123456789");
}

TEST_F(BlobWriteTest, N07_AWrongChecksumIsRefusedAndARightOneTaken) {
  const std::string md5_of_bytes = "SzpiGLs+OnMD6KFxpg/Pkg==";  // of "bytes"
  const std::string crc_of_digits = "iJh5CoYUi64=";             // of "123456789"
  expect_error(put_blob("bytez", {{"Content-MD5", md5_of_bytes}}), 400, "Md5Mismatch");
  expect_error(put_block(1, "bytez", {{"Content-MD5", md5_of_bytes}}), 400, "Md5Mismatch");
  expect_error(put_block(1, "12345678", {{"x-ms-content-crc64", crc_of_digits}}), 400,
               "Crc64Mismatch");
  expect_error(put_block(1, "x", {{"Content-MD5", "short"}}), 400, "InvalidHeaderValue");
  expect_error(put_block(1, "x", {{"x-ms-content-crc64", "AAAA"}}), 400, "InvalidHeaderValue");
  expect_error(put_list(block_list({}), {{"Content-MD5", md5_of_bytes}}), 400, "Md5Mismatch");
  EXPECT_EQ(files_below(folder_.path()), 0u);
  EXPECT_EQ(put_block(1, "bytes", {{"Content-MD5", md5_of_bytes}}).status, 201);
  EXPECT_EQ(put_block(2, "123456789", {{"x-ms-content-crc64", crc_of_digits}}).status, 201);
  ASSERT_EQ(put_list(block_list({1, 2})).status, 201);
  EXPECT_EQ(get(read_link(key_)).body, "bytes123456789");
}

TEST_F(BlobWriteTest, N08_AWrongFinalDigestDropsTheBlobAndTheAgentBeginsAnew) {
  const std::string wrong = to_hex(as_bytes(crypto::sha256("other")));
  ASSERT_EQ(put_block(1, "bytes").status, 201);
  expect_error(put_list(block_list({1}), {{"x-ms-meta-sha256", wrong}}), 422, "Sha256Mismatch");
  expect_error(put_blob("bytes", {{"x-ms-meta-sha256", wrong}}), 422, "Sha256Mismatch");
  expect_error(put_blob("bytes", {{"x-ms-meta-sha256", "no digest"}}), 400, "InvalidHeaderValue");
  EXPECT_EQ(files_below(folder_.path()), 0u);
  EXPECT_EQ(
      put_blob("bytes", {{"x-ms-meta-sha256", to_hex(as_bytes(crypto::sha256("bytes")))}}).status,
      201);
}

TEST_F(BlobWriteTest, N09_CommittingTwiceIsFine) {
  ASSERT_EQ(put_block(1, "one").status, 201);
  auto first = put_list(block_list({1})), second = put_list(block_list({1}));
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(first.header("etag"), second.header("etag"));
}

TEST_F(BlobWriteTest, N10_CommittingOtherBytesIsRefusedAndOnRecord) {
  ASSERT_EQ(put_blob("one").status, 201);
  ASSERT_EQ(put_block(1, "two").status, 201);
  expect_error(put_list(block_list({1})), 409, "BlobAlreadyExists");
  expect_error(put_blob("two"), 409, "BlobAlreadyExists");
  auto records = audit_.records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].kind, "upload");
  EXPECT_EQ(records[0].result, "409");
  EXPECT_EQ(records[0].object, key_.name());
  EXPECT_EQ(get(read_link(key_)).body, "one");
}

TEST_F(BlobWriteTest, N11_AContentCodingIsNotTaken) {
  expect_error(put_blob("x", {{"Content-Encoding", "gzip"}}), 415, "UnsupportedMediaType");
  expect_error(put_block(1, "x", {{"Content-Encoding", "gzip"}}), 415, "UnsupportedMediaType");
  expect_error(put_blob("x", {{"x-ms-blob-content-encoding", "gzip"}}), 415,
               "UnsupportedMediaType");
  EXPECT_EQ(put_blob("x", {{"Content-Encoding", "identity"}}).status, 201);
}

TEST_F(BlobWriteTest, N12_NamesAreTextAndBounded) {
  auto disposition = [&](const std::string& value) {
    return put_blob("x", {{"x-ms-blob-content-disposition", value}});
  };
  expect_error(disposition("attachment; filename=\"" + std::string(1100, 'a') + "\""), 400,
               "InvalidHeaderValue");
  expect_error(disposition("attachment; filename*=UTF-8''a%00b"), 400, "InvalidHeaderValue");
  expect_error(disposition("attachment; filename=\"open"), 400, "InvalidHeaderValue");
  expect_error(put_blob("x", {{"x-ms-blob-content-type", "no slash"}}), 400, "InvalidHeaderValue");
  EXPECT_EQ(files_below(folder_.path()), 0u);
  EXPECT_EQ(disposition("inline; filename=\"../../etc/passwd\"").status, 201);
  EXPECT_EQ(files_below(folder_.path()), 1u);
  EXPECT_EQ(get(read_link(key_)).header("content-disposition"),
            "attachment; filename=\".._.._etc_passwd\"");
}

TEST_F(BlobWriteTest, N13_AMalformedOperationIsRefused) {
  for (const char* query : {"comp=block", "comp=block&blockid=", "comp=block&blockid=not-base64!",
                            "comp=block&blockid=QQ", "comp=metadata", "comp=properties",
                            "comp=page", "comp=appendblock", "comp=lease"}) {
    expect_error(request("PUT", with(link(), query), kBlockBlob, "x"), 400,
                 "InvalidQueryParameterValue");
  }
  expect_error(request("PUT", with(link(), "comp=block&blockid=" + block_id(1)), {}, ""), 400,
               "InvalidQueryParameterValue");
  const std::string long_id = percent_encode(to_base64(std::string(65, 'x')));
  expect_error(request("PUT", with(link(), "comp=block&blockid=" + long_id), {}, "x"), 400,
               "InvalidQueryParameterValue");
  expect_error(request("PUT", with(link(), "comp=block&comp=block&blockid=QQ=="), {}, "x"), 403,
               "AuthenticationFailed");
  expect_error(request("PUT", link(), {}, "x"), 400, "MissingRequiredHeader");
  for (const char* type : {"PageBlob", "AppendBlob", "blockblob"}) {
    expect_error(request("PUT", link(), {{"x-ms-blob-type", type}}, "x"), 400,
                 "InvalidHeaderValue");
  }
  expect_error(
      request("PUT", link(), {{"x-ms-blob-type", "BlockBlob"}, {"Transfer-Encoding", "chunked"}},
              "1\r\nx\r\n0\r\n\r\n"),
      411, "MissingContentLengthHeader");
  expect_error(put_blob("x", {{"If-Match", "\"x\""}}), 412, "ConditionNotMet");
  EXPECT_EQ(files_below(folder_.path()), 0u);
}

TEST_F(BlobWriteTest, N13_AMalformedBlockListIsRefused) {
  ASSERT_EQ(put_block(1, "one").status, 201);
  const std::string id = to_base64("block-1");
  for (const std::string& xml :
       {std::string(), std::string("<BlockList>"), std::string("{}"),
        "<BlockList><Latest>" + id + "</BlockList>",
        "<BlockList><Latest>" + id + "</Latest></BlockList>x",
        "<BlockList><Latest a=\"b\">" + id + "</Latest></BlockList>",
        std::string("<!DOCTYPE x [<!ENTITY a \"b\">]><BlockList><Latest>&a;</Latest></BlockList>"),
        std::string("<BlockList><Latest>!!</Latest></BlockList>"),
        std::string("<BlockList><Latest></Latest></BlockList>")}) {
    expect_error(put_list(xml), 400, "InvalidXmlDocument");
  }
  expect_error(put_list("<BlockList><Committed>" + id + "</Committed></BlockList>"), 400,
               "InvalidBlockList");
  BlobLimits limits;
  limits.blocks_max = 3;
  restart(limits);
  expect_error(put_list(block_list({1, 1, 1, 1})), 400, "BlockListTooLong");
  EXPECT_EQ(put_list(block_list({1, 1, 1})).status, 201);
}

TEST_F(BlobWriteTest, N14_ManyWritersOfOneNameAreOneAtATime) {
  RawConnection slow(agents_->address());
  slow.send(
      request_text(
          "PUT", target_of(link()),
          {{"x-ms-blob-type", "BlockBlob"}, {"Content-Length", "10"}, {"Expect", "100-continue"}}) +
      "01234");
  for (int i = 0; i < 1000 && files_below(folder_.path()) == 0; ++i) {
    ::usleep(1000);
  }
  for (int i = 0; i < 5; ++i) {
    expect_error(put_block(i, "x"), 409, "BlobBeingWritten");
    expect_error(put_blob("x"), 409, "BlobBeingWritten");
    expect_error(put_list(block_list({1})), 409, "BlobBeingWritten");
  }
  EXPECT_EQ(request("PUT", write_link(test_key('3')), kBlockBlob, "x").status, 201);
  slow.send("56789");
  EXPECT_EQ(slow.receive().status, 201);
  EXPECT_EQ(get(read_link(key_)).body, "0123456789");
}

TEST_F(BlobWriteTest, N15_AbandonedUploadsCountAtOnceAndGoAfterADay) {
  auto disk = std::make_shared<LosingDisk>(folder_.path());
  restart({}, disk);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(put_block(i, std::string(1000, 'x')).status, 201);
  }
  disk->set_room(BlobLimits{}.reserve_bytes + 999);
  expect_error(put_block(11, std::string(1000, 'x')), 507, "InsufficientStorage");
  auto gone = bench_->store().purge_staging(SystemClock().now() + std::chrono::hours(25));
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(*gone, 1u);
  EXPECT_EQ(files_below(folder_.path()), 0u);
}

TEST_F(BlobWriteTest, N16_ADiskThatRunsFullInTheMiddleGives507AndNothingHalf) {
  auto disk = std::make_shared<LosingDisk>(folder_.path());
  BlobLimits limits;
  limits.reserve_bytes = 0;
  restart(limits, disk);
  ASSERT_EQ(put_block(1, "kept").status, 201);
  RawConnection connection(agents_->address());
  connection.send(request_text("PUT", target_of(with(link(), "comp=block&blockid=" + block_id(2))),
                               {{"Content-Length", "2000"}}) +
                  std::string(500, 'x'));
  for (int i = 0; i < 1000 && files_below(folder_.path()) < 2; ++i) {
    ::usleep(1000);
  }
  disk->set_room(100);
  connection.send(std::string(1500, 'x'));
  expect_error(connection.receive(), 507, "InsufficientStorage");
  EXPECT_EQ(files_below(folder_.path()), 1u);  // the last whole block
  disk->set_room(1 << 20);
  EXPECT_EQ(put_list(block_list({1})).status, 201);
}

TEST_F(BlobWriteTest, ADiskThatDoesNotSyncIsBusyNotBroken) {
  auto disk = std::make_shared<LosingDisk>(folder_.path());
  restart({}, disk);
  disk->fail_syncs(1);
  auto reply = put_blob("x");
  expect_error(reply, 503, "ServerBusy");
  EXPECT_EQ(reply.header("retry-after"), "1");
  EXPECT_EQ(put_blob("x").status, 201);
}

// trust.md F24: after a cut at any byte the agent asks what is there and sends the rest; no more
// than one block is sent again for each cut.
TEST_F(BlobWriteTest, AnUploadThatIsCutAnywhereIsResumed) {
  constexpr std::size_t kBlock = 1000;
  constexpr int kBlocks = 60;
  const std::string bytes = random_.bytes(kBlock * kBlocks);
  std::size_t sent = 0;
  std::string list = "<BlockList>";
  for (int n = 0; n < kBlocks; ++n) {
    const std::string block = bytes.substr(static_cast<std::size_t>(n) * kBlock, kBlock);
    const std::size_t cut = static_cast<std::size_t>(random_.below(kBlock));
    {
      RawConnection connection(agents_->address());
      connection.send(request_text("PUT",
                                   target_of(with(link(), "comp=block&blockid=" + block_id(n))),
                                   {{"Content-Length", std::to_string(kBlock)}}) +
                      block.substr(0, cut));
      sent += cut;
    }
    auto there = get(with(link(), "comp=blocklist&blocklisttype=uncommitted"));
    ASSERT_EQ(there.status, 200);
    const std::string id = to_base64("block-" + std::to_string(n));
    ASSERT_EQ(there.body.find("<Name>" + id + "</Name>"), std::string::npos);
    Reply reply;
    for (int i = 0; i < 1000; ++i) {  // until the server has seen that the connection is gone
      reply = put_block(n, block);
      if (reply.status != 409) {
        break;
      }
      ::usleep(1000);
    }
    ASSERT_EQ(reply.status, 201) << reply.body;
    sent += kBlock;
    list += "<Latest>" + id + "</Latest>";
  }
  ASSERT_EQ(put_list(list + "</BlockList>").status, 201);
  EXPECT_EQ(get(read_link(key_)).body, bytes);
  EXPECT_LE(sent, bytes.size() + kBlock * kBlocks);
}

TEST_F(BlobWriteTest, ALargeBodyPassesThroughWhole) {
  std::string large(20'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 997) {
    large[i] = static_cast<char>('a' + i % 26);
  }
  EXPECT_EQ(put_blob(large).status, 201);
  EXPECT_EQ(get(read_link(key_)).body, large);
}

}  // namespace
}  // namespace reachback::server
