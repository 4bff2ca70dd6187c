// What the CLI reads offline: receipts, and a machine's key. The harness holds the machine's key
// and signs any receipts: they are read in their order; a chain that is called whole is whole,
// judged once more; something is proven only of the very bytes that a receipt names. Without that
// key no receipt is read. Input: what is tried; then receipts, each behind a length of two bytes;
// or a document; or the text of a key.
#include "cli/receipts.h"

#include <algorithm>
#include <map>

#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "fuzz/fuzz.h"
#include "json/json.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::fuzz {
namespace {

using namespace cli;
using crypto::Ed25519PrivateKey;

const Ed25519PrivateKey& key() {
  static const Ed25519PrivateKey out = Ed25519PrivateKey::generate();
  return out;
}
const Ed25519PrivateKey& other() {
  static const Ed25519PrivateKey out = Ed25519PrivateKey::generate();
  return out;
}

std::string digest(std::string_view bytes) {
  return std::string(as_bytes(crypto::sha256(bytes)));
}

std::string document(const std::vector<pb::SignedReceipt>& list) {
  json::Array value;
  for (const pb::SignedReceipt& one : list) {
    value.push_back(json::Object{{"receipt", to_base64(one.receipt())},
                                 {"signature", to_base64(one.signature())}});
  }
  return json::write(json::Object{{"publicKey", to_base64(key().public_key().spki())},
                                  {"value", std::move(value)}});
}

// Whether every receipt names the one before it, where that is here; by number.
bool is_a_chain(const std::vector<ReadReceipt>& receipts) {
  std::map<std::uint64_t, const ReadReceipt*> by_number;
  for (const ReadReceipt& one : receipts) {
    auto [at, added] = by_number.emplace(one.receipt.number(), &one);
    if (!added && at->second->bytes != one.bytes) {
      return false;
    }
  }
  for (const auto& [number, one] : by_number) {
    auto before = by_number.find(number - 1);
    if (before != by_number.end() && one->receipt.previous() != digest(before->second->bytes)) {
      return false;
    }
  }
  return true;
}

void check_proof(const std::vector<ReadReceipt>& receipts, FileDigests file) {
  auto proof = prove(receipts, file);
  const std::string name(as_bytes(file.file));
  const bool named = std::any_of(receipts.begin(), receipts.end(), [&](const ReadReceipt& one) {
    return one.receipt.result_sha256() == name || one.receipt.file_sha256() == name;
  });
  if (!proof) {
    FUZZ_CHECK(proof.error().code == Errc::mismatch);
    return;
  }
  FUZZ_CHECK(named && is_valid_utf8(proof->proven) && !proof->not_proven.empty());
  FUZZ_CHECK(std::any_of(receipts.begin(), receipts.end(), [&](const ReadReceipt& one) {
    const pb::Receipt& r = one.receipt;
    return (r.result_sha256() == name && r.result_bytes() == file.bytes) ||
           (r.file_sha256() == name && r.file_bytes() == file.bytes);
  }));
  file.file[0] ^= 1;
  FUZZ_CHECK(!prove(receipts, file) ||
             std::any_of(receipts.begin(), receipts.end(), [&](const ReadReceipt& one) {
               return one.receipt.result_sha256() == as_bytes(file.file) ||
                      one.receipt.file_sha256() == as_bytes(file.file);
             }));
}

// First what follows from the one before: 1 the hash, 2 the number, too.
void check_receipts(Input in) {
  const unsigned follow = in.choice(3);
  std::vector<pb::SignedReceipt> list;
  std::string previous;
  std::uint64_t number = 0;
  bool all_good = true;
  while (!in.rest().empty() && list.size() < 8) {
    std::size_t size = in.byte() * 256u;
    size += in.byte();
    std::string bytes;
    while (bytes.size() < size && !in.rest().empty()) {
      bytes += static_cast<char>(in.byte());
    }
    pb::Receipt receipt;
    if (!receipt.ParseFromString(bytes)) {
      return;
    }
    receipt.set_machine(digest(key().public_key().spki()).substr(0, 20));
    if (follow >= 1) {
      receipt.set_previous(previous);
    }
    if (follow >= 2) {
      receipt.set_number(number + 1);
    }
    list.push_back(protocol::sign_receipt(receipt, key()));
    all_good = all_good && protocol::decode_receipt(list.back().receipt()).ok();
    previous = digest(list.back().receipt());
    number = receipt.number();
  }
  const std::string text = document(list);
  auto read = read_receipts(text, std::nullopt);
  FUZZ_CHECK(read.ok() == all_good);
  if (!read) {
    return;
  }
  FUZZ_CHECK(read->size() == list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    FUZZ_CHECK((*read)[i].bytes == list[i].receipt());
    FUZZ_CHECK((*read)[i].receipt.SerializeAsString() == list[i].receipt());
  }
  FUZZ_CHECK(read_receipts(text, key().public_key().spki()));
  FUZZ_CHECK(list.empty() || !read_receipts(text, other().public_key().spki()));
  if (list.empty()) {
    return;
  }
  auto chain = describe_chain(*read);
  FUZZ_CHECK(chain.ok() == is_a_chain(*read));
  FUZZ_CHECK(follow < 2 || (chain && chain->find("without") == std::string::npos));
  std::vector<ReadReceipt> backwards(read->rbegin(), read->rend());
  auto same = describe_chain(backwards);
  FUZZ_CHECK(same.ok() == chain.ok() && (!chain || *same == *chain));

  FileDigests file;
  const pb::Receipt& last = read->back().receipt;
  const std::string& name = last.file_sha256().empty() ? last.result_sha256() : last.file_sha256();
  if (auto hash = sha256_from_bytes(name)) {
    file.file = *hash;
  }
  file.bytes = last.file_sha256().empty() ? last.result_bytes() : last.file_bytes();
  file.is_script_result = last.outcome() == pb::COMPLETED;
  if (last.has_exit_code()) {
    file.exit_code = last.exit_code();
  }
  check_proof(*read, file);
  file.bytes += 1;
  check_proof(*read, file);
}

void check_key(std::string_view text) {
  auto der = read_public_key(text);
  if (!der) {
    FUZZ_CHECK(der.error().code == Errc::corrupt);
    return;
  }
  FUZZ_CHECK(der->size() == 44 && crypto::Ed25519PublicKey::from_spki(*der));
  const std::string base64 = to_base64(*der);
  for (const std::string& again :
       {base64, " " + base64 + "\r\n",
        "-----BEGIN PUBLIC KEY-----\n" + base64 + "\n-----END PUBLIC KEY-----\n"}) {
    auto second = read_public_key(again);
    FUZZ_CHECK(second && *second == *der);
  }
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  switch (in.choice(3)) {
    case 0:
      check_receipts(in);
      return;
    case 1: {
      // Nobody has signed anything: what is read is an empty list.
      auto read = read_receipts(in.rest(), key().public_key().spki());
      FUZZ_CHECK(!read || read->empty());
      FUZZ_CHECK(read || read.error().code == Errc::corrupt ||
                 read.error().code == Errc::unauthenticated || read.error().code == Errc::protocol);
      static_cast<void>(read_receipts(in.rest(), std::nullopt));
      return;
    }
    default:
      check_key(in.rest());
  }
}

}  // namespace reachback::fuzz
