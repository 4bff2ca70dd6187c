// What receipts prove about a result file, and what they do not let pass.
#include "cli/receipts.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.h"
#include "cli/commands.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "json/json.h"
#include "protocol/signing.h"

namespace reachback::cli {
namespace {

std::string digest(std::string_view bytes) {
  return std::string(as_bytes(crypto::sha256(bytes)));
}

class ReceiptsTest : public ::testing::Test {
 protected:
  pb::Receipt receipt(std::uint64_t number = 1, const std::string& previous = "") {
    pb::Receipt r;
    r.set_machine(std::string(protocol::machine_id_of(key_.public_key().spki()).bytes()));
    r.set_number(number);
    r.set_previous(previous);
    r.set_generation(std::string(16, 'g'));
    r.set_action(std::string(16, 'a'));
    r.set_epoch(1);
    r.set_order_sha256(std::string(32, 'o'));
    r.set_script_sha256(std::string(32, 's'));
    r.set_script_name("a.sh");
    r.set_outcome(pb::COMPLETED);
    r.set_started_us(1000000);
    r.set_ended_us(2000000);
    r.set_has_exit_code(true);
    r.set_exit_code(7);
    r.set_stdout_sha256(digest("hi\n"));
    r.set_stderr_sha256(digest("oh\n"));
    r.set_result_sha256(digest(kResult));
    r.set_result_bytes(kResult.size());
    return r;
  }
  std::string document(const std::vector<pb::Receipt>& receipts) {
    json::Array list;
    for (const auto& r : receipts) {
      auto s = protocol::sign_receipt(r, key_);
      list.push_back(json::Object{{"index", r.index()},
                                  {"receipt", to_base64(s.receipt())},
                                  {"signature", to_base64(s.signature())}});
    }
    return json::write(json::Object{{"machineId", "x"},
                                    {"publicKey", to_base64(key_.public_key().spki())},
                                    {"value", std::move(list)}});
  }
  FileDigests file() {
    FileDigests f;
    f.file = crypto::sha256(kResult);
    f.bytes = kResult.size();
    f.is_script_result = true;
    f.exit_code = 7;
    f.output = crypto::sha256("hi\n");
    f.errors = crypto::sha256("oh\n");
    return f;
  }
  const std::string kResult =
      R"({"script_name":"a.sh","exit_code":7,"script_output":"hi\n","script_errors":"oh\n","script_error":"oh\n"})";
  crypto::Ed25519PrivateKey key_ = crypto::Ed25519PrivateKey::generate();
};

TEST_F(ReceiptsTest, a_good_receipt_says_what_it_proves) {
  auto read = read_receipts(document({receipt()}), std::nullopt);
  ASSERT_TRUE(read.ok()) << read.error().message;
  auto proof = prove(*read, file());
  ASSERT_TRUE(proof.ok()) << proof.error().message;
  for (const char* part : {"a.sh", "exit code 7", "1970-01-01T00:00:01", "as they were written"}) {
    EXPECT_NE(proof->proven.find(part), std::string::npos) << proof->proven;
  }
  auto shown = file();
  shown.output = crypto::sha256("hi\xef\xbf\xbd\n");
  EXPECT_NE(prove(*read, shown)->proven.find("U+FFFD"), std::string::npos);
}

TEST_F(ReceiptsTest, a_fetched_file_is_proven_packed_and_unpacked) {
  auto r = receipt();
  r.clear_script_name();
  r.clear_script_sha256();
  r.clear_has_exit_code();
  r.clear_exit_code();
  r.set_file_path("/run/x");
  r.set_file_bytes(kResult.size());
  r.set_file_sha256(digest(kResult));
  r.set_result_sha256(digest("packed"));
  r.set_result_bytes(6);
  auto read = *read_receipts(document({r}), std::nullopt);
  auto unpacked = prove(read, file());  // that it looks like a script's result means nothing
  ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
  EXPECT_NE(unpacked->proven.find("read /run/x"), std::string::npos) << unpacked->proven;
  FileDigests packed;
  packed.file = crypto::sha256("packed");
  packed.bytes = 6;
  EXPECT_TRUE(prove(read, packed).ok());
  packed.bytes = 7;
  EXPECT_EQ(prove(read, packed).error().code, Errc::mismatch);
}

TEST_F(ReceiptsTest, a_changed_file_is_not_proven) {
  auto read = *read_receipts(document({receipt()}), std::nullopt);
  auto changed = file();
  changed.file = crypto::sha256("other");
  EXPECT_EQ(prove(read, changed).error().code, Errc::mismatch);
  auto contradicts = file();
  contradicts.exit_code = 0;
  EXPECT_EQ(prove(read, contradicts).error().code, Errc::mismatch);
  EXPECT_FALSE(prove({}, file()).ok());
}

TEST_F(ReceiptsTest, no_changed_byte_of_a_receipt_is_believed) {
  auto signed_receipt = protocol::sign_receipt(receipt(), key_);
  const std::string good = signed_receipt.SerializeAsString();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    pb::SignedReceipt s;
    EXPECT_FALSE(s.ParseFromString(flipped) && protocol::verify_receipt(s, key_.public_key()).ok())
        << bit;
  }
}

TEST_F(ReceiptsTest, only_the_machines_own_key_counts) {
  auto other = crypto::Ed25519PrivateKey::generate();
  EXPECT_EQ(read_receipts(document({receipt()}), other.public_key().spki()).error().code,
            Errc::unauthenticated);
  EXPECT_TRUE(read_receipts(document({receipt()}), key_.public_key().spki()).ok());
  auto r = receipt();
  r.set_machine(std::string(20, 'm'));
  EXPECT_EQ(read_receipts(document({r}), std::nullopt).error().code, Errc::unauthenticated)
      << "a key that does not hash to the machine's id";
}

TEST_F(ReceiptsTest, a_machines_chain_shows_gaps_and_forks) {
  auto chain_of = [&](const std::vector<pb::Receipt>& receipts) {
    return describe_chain(*read_receipts(document(receipts), std::nullopt));
  };
  auto first = receipt(1);
  auto second = receipt(2, digest(first.SerializeAsString()));
  auto third = receipt(3, digest(second.SerializeAsString()));
  EXPECT_EQ(*chain_of({third, first, second}), "receipts 1 to 3 of its chain");
  EXPECT_EQ(*chain_of({second, second}), "receipt 2 of its chain");
  EXPECT_NE(chain_of({first, third})->find("without 2 to 2"), std::string::npos);
  auto forked = receipt(2, digest(first.SerializeAsString()));
  forked.set_exit_code(8);
  EXPECT_EQ(chain_of({first, second, forked}).error().code, Errc::mismatch);
  EXPECT_EQ(chain_of({first, receipt(2, std::string(32, 'x'))}).error().code, Errc::mismatch);
}

TEST_F(ReceiptsTest, documents_that_are_none_are_refused) {
  for (const char* text : {"", "[]", "{}", R"({"value":[]})", R"({"publicKey":"AAAA","value":[]})",
                           R"({"publicKey":1,"value":{}})"}) {
    EXPECT_FALSE(read_receipts(text, std::nullopt).ok()) << text;
  }
  EXPECT_EQ(*read_public_key("-----BEGIN PUBLIC KEY-----\n" + to_base64(key_.public_key().spki()) +
                             "\n-----END PUBLIC KEY-----\n"),
            key_.public_key().spki());
  EXPECT_FALSE(read_public_key("nonsense").ok());
}

TEST_F(ReceiptsTest, verify_reads_files_and_its_status_says_whether_it_is_proven) {
  std::string folder = ::testing::TempDir() + "receipts-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  VerifyOptions o;
  o.result = folder + "/result";
  ASSERT_TRUE(write_file_durably(o.result, kResult).ok());
  ASSERT_TRUE(write_file_durably(o.result + ".receipts", document({receipt()})).ok());
  auto status = verify(o);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(*status, 0);
  o.machine = std::string(40, 'a');
  EXPECT_EQ(*verify(o), 1);
  o.machine = protocol::machine_id_of(key_.public_key().spki()).text();
  EXPECT_EQ(*verify(o), 0);
  ASSERT_TRUE(write_file_durably(o.result, kResult + " ").ok());
  EXPECT_EQ(*verify(o), 1);
  o.receipts = {folder + "/absent"};
  EXPECT_FALSE(verify(o).ok());
  EXPECT_TRUE(remove_tree(folder).ok());
}

}  // namespace
}  // namespace reachback::cli
