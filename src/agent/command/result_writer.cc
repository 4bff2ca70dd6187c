#include "agent/command/result_writer.h"

#include <limits>
#include <optional>

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
  void finish(WrittenResult& out) {
    out.bytes = bytes_;
    out.sha256 = hash_.finish();
  }

 private:
  int fd_;
  std::string buffer_;
  crypto::Sha256Stream hash_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

struct ResultWriter::State {
  State(ScriptOutcome o, int out_fd) : outcome(std::move(o)), out(out_fd) {}

  // What the file consists of, in its order.
  enum class Part { head, stdout_text, stderr_text, stderr_again, whole };

  ScriptOutcome outcome;
  Output out;
  Part part = Part::head;
  std::optional<JsonText> text;  // of the stream under way
  crypto::Sha256Stream raw;
  std::uint64_t offset = 0;
  std::string piece = std::string(kPieceBytes, '\0');
  WrittenResult written;

  void begin_stream(Part next, std::string_view key) {
    part = next;
    out.buffer() += key;
    out.buffer() += '"';
    text.emplace(out.buffer());
    raw = crypto::Sha256Stream();
    offset = 0;
  }

  void add_head() {
    out.buffer() += "{\"script_name\":\"";
    JsonText name(out.buffer());
    name.add(outcome.script_name);
    name.finish();
    out.buffer() += "\",\"exit_code\":" + std::to_string(outcome.exit_code);
    begin_stream(Part::stdout_text, ",\"script_output\":");
  }

  // One piece of the stream under way; true: that was its last.
  Result<bool> add_piece() {
    const int fd = part == Part::stdout_text ? outcome.stdout_fd : outcome.stderr_fd;
    RB_TRY_ASSIGN(std::size_t size, read_at(fd, piece.data(), piece.size(), offset));
    const auto bytes = std::string_view(piece).substr(0, size);
    text->add(bytes);
    if (part != Part::stderr_again) {
      raw.update(bytes);
    }
    RB_TRY(out.flush_if_full());
    offset += size;
    return size < piece.size();
  }

  Result<void> end_stream() {
    text->finish();
    out.buffer() += '"';
    if (part == Part::stdout_text) {
      written.stdout_exact = text->is_exact();
      written.raw_stdout = {offset, raw.finish()};
      begin_stream(Part::stderr_text, ",\"script_errors\":");
    } else if (part == Part::stderr_text) {
      written.stderr_exact = text->is_exact();
      written.raw_stderr = {offset, raw.finish()};
      begin_stream(Part::stderr_again, ",\"script_error\":");
    } else {
      part = Part::whole;
      out.buffer() += '}';
      RB_TRY(out.flush());
      out.finish(written);
    }
    return {};
  }
};

ResultWriter::ResultWriter(ScriptOutcome outcome, int out_fd)
    : state_(std::make_unique<State>(std::move(outcome), out_fd)) {}

ResultWriter::~ResultWriter() = default;

Result<bool> ResultWriter::write_some(std::uint64_t bytes) {
  State& s = *state_;
  if (s.part == State::Part::head) {
    s.add_head();
  }
  for (std::uint64_t done = 0; s.part != State::Part::whole && done < bytes;) {
    const std::uint64_t before = s.offset;
    RB_TRY_ASSIGN(const bool is_last, s.add_piece());
    done += s.offset - before;
    if (is_last) {
      RB_TRY(s.end_stream());
    }
  }
  return s.part == State::Part::whole;
}

const WrittenResult& ResultWriter::written() const {
  return state_->written;
}

Result<WrittenResult> write_result(const ScriptOutcome& outcome, int out_fd) {
  ResultWriter writer(outcome, out_fd);
  RB_TRY(writer.write_some(std::numeric_limits<std::uint64_t>::max()));
  return writer.written();
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
