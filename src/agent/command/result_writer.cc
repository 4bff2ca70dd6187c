#include "agent/command/result_writer.h"

#include "agent/command/utf8.h"
#include "base/file.h"
#include "crypto/digest.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;

// Writes to a file and counts and hashes what it writes.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  std::string& buffer() { return buffer_; }
  Result<void> flush_if_full() { return buffer_.size() < kPieceBytes ? Result<void>() : flush(); }
  Result<void> flush() {
    RB_TRY(write_all(fd_, buffer_));
    hash_.update(buffer_);
    bytes_ += buffer_.size();
    buffer_.clear();
    return {};
  }
  WrittenResult finish() {
    WrittenResult out;
    out.bytes = bytes_;
    out.sha256 = hash_.finish();
    return out;
  }

 private:
  int fd_;
  std::string buffer_;
  crypto::Sha256Stream hash_;
  std::uint64_t bytes_ = 0;
};

struct AddedStream {
  bool exact = true;
  StreamDigest digest;
};

// The file as a JSON string with its quotes; whether it says the very bytes. It is hashed unless
// that was done already.
Result<AddedStream> add_stream(Output& out, int fd, bool hashed) {
  AddedStream added;
  out.buffer() += '"';
  JsonText text(out.buffer());
  crypto::Sha256Stream hash;
  std::string piece(kPieceBytes, '\0');
  for (std::uint64_t offset = 0;;) {
    RB_TRY_ASSIGN(std::size_t size, read_at(fd, piece.data(), piece.size(), offset));
    const std::string_view read = std::string_view(piece).substr(0, size);
    text.add(read);
    if (hashed) {
      hash.update(read);
    }
    RB_TRY(out.flush_if_full());
    offset += size;
    added.digest.bytes = offset;
    if (size < piece.size()) {
      break;
    }
  }
  text.finish();
  out.buffer() += '"';
  added.exact = text.is_exact();
  added.digest.sha256 = hash.finish();
  return added;
}

}  // namespace

Result<WrittenResult> write_result(const ScriptOutcome& outcome, int out_fd) {
  Output out(out_fd);
  out.buffer() += "{\"script_name\":\"";
  JsonText name(out.buffer());
  name.add(outcome.script_name);
  name.finish();
  out.buffer() += "\",\"exit_code\":" + std::to_string(outcome.exit_code) + ",\"script_output\":";
  RB_TRY_ASSIGN(const AddedStream added_out, add_stream(out, outcome.stdout_fd, /*hashed=*/true));
  out.buffer() += ",\"script_errors\":";
  RB_TRY_ASSIGN(const AddedStream added_err, add_stream(out, outcome.stderr_fd, /*hashed=*/true));
  out.buffer() += ",\"script_error\":";
  RB_TRY(add_stream(out, outcome.stderr_fd, /*hashed=*/false));
  out.buffer() += '}';
  RB_TRY(out.flush());
  WrittenResult written = out.finish();
  written.stdout_exact = added_out.exact;
  written.stderr_exact = added_err.exact;
  written.stdout_digest = added_out.digest;
  written.stderr_digest = added_err.digest;
  return written;
}

Result<WrittenResult> digest_file(int fd) {
  WrittenResult out;
  crypto::Sha256Stream hash;
  std::string piece(kPieceBytes, '\0');
  for (;;) {
    RB_TRY_ASSIGN(std::size_t size, read_at(fd, piece.data(), piece.size(), out.bytes));
    hash.update(std::string_view(piece).substr(0, size));
    out.bytes += size;
    if (size < piece.size()) {
      break;
    }
  }
  out.sha256 = hash.finish();
  return out;
}

}  // namespace reachback::agent
