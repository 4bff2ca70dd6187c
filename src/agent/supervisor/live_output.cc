#include "agent/supervisor/live_output.h"

#include <fcntl.h>

#include <algorithm>

#include "protocol/codec.h"

namespace reachback::agent {
namespace {

Fd copy_of(const Fd& file) {
  return Fd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
}

// What stands in the file behind `from`, at most a piece. A file that cannot be read has nothing.
std::string piece_of(const Fd& file, std::uint64_t from) {
  std::string bytes(protocol::kOutputPieceBytesMax, '\0');
  auto size = read_at(file.get(), bytes.data(), bytes.size(), from);
  bytes.resize(size.ok() ? *size : 0);
  return bytes;
}

bool is_full(const std::string& piece) {
  return piece.size() == protocol::kOutputPieceBytesMax;
}

}  // namespace

void LiveOutput::begin(const ActionId& action, std::uint64_t epoch, std::uint32_t index,
                       const StreamFiles& files, Duration rest) {
  rest_.reset();
  if (sources_.size() == kSourcesMax) {
    sources_.pop_front();
  }
  sources_.push_back(Source{
      action, epoch, index, {copy_of(files.out), copy_of(files.err)}, rest, {}, {}, nullptr});
}

void LiveOutput::grown() {
  if (!questions_.empty() && !rest_) {
    answer_all();
  }
}

void LiveOutput::ended() {
  if (sources_.empty() || sources_.back().over) {
    return;
  }
  Source& source = sources_.back();
  if (!source.watched) {
    sources_.pop_back();
    return;
  }
  source.over = true;
  source.forget = events_.after(kAfterEnd, [this, at = std::prev(sources_.end())] {
    sources_.erase(at);  // the last thing: this is its own timer's
  });
  answer_all();
}

void LiveOutput::asked(const pb::ReadOutput& ask) {
  if (questions_.size() == kQuestionsMax) {
    questions_.front().out_of_patience = true;
    answer(questions_.front());
    questions_.pop_front();
  }
  questions_.push_back(Question{ask, false, nullptr});
  auto at = std::prev(questions_.end());
  at->patience = events_.after(kPatience, [this, at] {
    at->out_of_patience = true;
    answer(*at);
    questions_.erase(at);  // the last thing: this is its own timer's
  });
  Source* source = find(ask);
  if (source != nullptr) {
    source->watched = true;
  }
  if (source == nullptr || source->over || !rest_) {
    answer_all();
  }
}

LiveOutput::Source* LiveOutput::find(const pb::ReadOutput& ask) {
  auto found = std::find_if(sources_.begin(), sources_.end(), [&](const Source& s) {
    return s.action.bytes() == ask.action() && s.epoch == ask.epoch() && s.index == ask.index();
  });
  return found == sources_.end() ? nullptr : &*found;
}

bool LiveOutput::answer(const Question& question) {
  const pb::ReadOutput& ask = question.ask;
  pb::ToServer message;
  pb::OutputPiece& piece = *message.mutable_output_piece();
  piece.set_number(ask.number());
  piece.set_stdout_from(ask.stdout_from());
  piece.set_stderr_from(ask.stderr_from());
  const Source* source = find(ask);
  if (source == nullptr) {
    piece.set_gone(true);
    send_(std::move(message));
    return true;
  }
  piece.set_stdout(piece_of(source->files.out, ask.stdout_from()));
  piece.set_stderr(piece_of(source->files.err, ask.stderr_from()));
  const bool full = is_full(piece.stdout()) || is_full(piece.stderr());
  piece.set_whole(source->over && !full);
  const bool empty = piece.stdout().empty() && piece.stderr().empty();
  if (empty && !piece.whole() && !question.out_of_patience) {
    return false;
  }
  if (!empty && !full && !source->over) {
    rest_ = events_.after(source->rest, [this] {
      auto done = std::move(rest_);  // this runs inside it
      answer_all();
    });
  }
  send_(std::move(message));
  return true;
}

void LiveOutput::answer_all() {
  questions_.remove_if([this](const Question& question) { return answer(question); });
}

}  // namespace reachback::agent
