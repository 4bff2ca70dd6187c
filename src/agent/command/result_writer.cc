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

// The file as a JSON string with its quotes; whether it says the very bytes.
Result<bool> add_stream(Output& out, int fd) {
  out.buffer() += '"';
  JsonText text(out.buffer());
  std::string piece(kPieceBytes, '\0');
  for (std::uint64_t offset = 0;;) {
    RB_TRY_ASSIGN(std::size_t size, read_at(fd, piece.data(), piece.size(), offset));
    text.add(std::string_view(piece).substr(0, size));
    RB_TRY(out.flush_if_full());
    offset += size;
    if (size < piece.size()) {
      break;
    }
  }
  text.finish();
  out.buffer() += '"';
  return text.is_exact();
}

}  // namespace

Result<WrittenResult> write_result(const ScriptOutcome& outcome, int out_fd) {
  Output out(out_fd);
  out.buffer() += "{\"script_name\":\"";
  JsonText name(out.buffer());
  name.add(outcome.script_name);
  name.finish();
  out.buffer() += "\",\"exit_code\":" + std::to_string(outcome.exit_code) + ",\"script_output\":";
  RB_TRY_ASSIGN(const bool stdout_exact, add_stream(out, outcome.stdout_fd));
  out.buffer() += ",\"script_errors\":";
  RB_TRY_ASSIGN(const bool stderr_exact, add_stream(out, outcome.stderr_fd));
  out.buffer() += ",\"script_error\":";
  RB_TRY(add_stream(out, outcome.stderr_fd));
  out.buffer() += '}';
  RB_TRY(out.flush());
  WrittenResult written = out.finish();
  written.stdout_exact = stdout_exact;
  written.stderr_exact = stderr_exact;
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
