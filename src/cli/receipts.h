// What the receipts of an action prove about a result file. Pure. The file of receipts is the API's
// answer of GET /api/machineactions/{id}/receipts, as it came.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "protocol/agent_messages.h"

namespace reachback::cli {

struct ReadReceipt {
  pb::Receipt receipt;
  std::string bytes;  // that were signed
};

// Every receipt of the document, each checked against the machine's key: `key_der` when given, else
// the document's own, whose hash is the machine id anyway. Errors: corrupt (not such a document),
// unauthenticated (a signature, a key that is not the machine's).
Result<std::vector<ReadReceipt>> read_receipts(std::string_view document,
                                               const std::optional<std::string>& key_der);

// A public key as PEM, or as base64 of its SubjectPublicKeyInfo. Errors: corrupt.
Result<std::string> read_public_key(std::string_view text);

// How the receipts of one machine stand to each other, for people: "receipts 3 to 5 of its chain,
// whole". Errors: mismatch (a fork, or one that does not name the one before it). A gap is said.
Result<std::string> describe_chain(std::vector<ReadReceipt> receipts);

// What a result file is, as far as receipts speak of it.
struct FileDigests {
  Sha256 file{};
  std::uint64_t bytes = 0;
  bool is_script_result = false;  // the JSON of a RunScript
  std::optional<std::int64_t> exit_code;
  Sha256 output{}, errors{};  // of the decoded streams
};
struct Proof {
  std::string proven;  // one sentence each
  std::string not_proven;
};
// Errors: mismatch (no receipt is for these bytes; the file contradicts its receipt).
Result<Proof> prove(const std::vector<ReadReceipt>& receipts, const FileDigests& file);

}  // namespace reachback::cli
