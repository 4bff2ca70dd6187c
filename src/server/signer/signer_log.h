// What the signer signed: an append-only file of its own, a line for each order, each line ending
// in the SHA-256 of the line before's hash and its own text. One thread.
//   2026-11-28T11:00:00.000000Z machine action epoch order-sha256 key-id hash
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "protocol/agent_messages.h"

namespace reachback::server {

class SignerLog {
 public:
  // Opens or makes it; a line that a crash cut short is dropped. Errors: io, corrupt (the last line
  // does not read).
  static Result<std::unique_ptr<SignerLog>> open(const std::string& path);
  void add(const pb::Order& order, const pb::SignedOrder& signed_order, Timestamp now);
  // Everything added is on disk. Errors: io, storage_full: what was added must not leave.
  Result<void> sync();

 private:
  explicit SignerLog(Fd file) : file_(std::move(file)) {}
  Fd file_;
  std::string hash_;  // hex, of the last line
  std::string waiting_;
};

// Checks the chain of hashes; the number of lines. Errors: corrupt (with the line's number), io.
Result<std::uint64_t> verify_signer_log(const std::string& path);

}  // namespace reachback::server
