// The answer of an HttpConnection: its head and body on their way out, and the end of the
// connection that may follow.
#include <fmt/format.h>

#include <utility>

#include "net/http_connection.h"
#include "net/http_write.h"

namespace reachback::net {
namespace {

constexpr Duration kLingerTimeout = std::chrono::seconds(2);
constexpr std::uint64_t kLingerBytesMax = 16 << 20;

// Let go on the loop thread only, where connections die, wherever a source drops what it was asked.
struct HeldConnection {
  HeldConnection(Loop& l, std::shared_ptr<HttpConnection> c) : loop(l), connection(std::move(c)) {}
  HeldConnection(const HeldConnection&) = delete;
  // NOLINTNEXTLINE(bugprone-exception-escape): only without memory, and then the program ends
  ~HeldConnection() {
    loop.post([connection = std::move(connection)] {});
  }
  Loop& loop;
  std::shared_ptr<HttpConnection> connection;
};

}  // namespace

void HttpConnection::respond(std::uint64_t number, Response response) {
  if (number != number_ || answered_ || state_ == State::closed) {
    return;
  }
  begin_answer(std::move(response));
}

void HttpConnection::abandon(std::uint64_t number) {
  if (number == number_ && !answered_ && state_ != State::closed) {
    fail(500, "the request was not answered");
  }
}

// The connection's own answer; the last one.
void HttpConnection::fail(int status, std::string_view message) {
  Response response;
  if (server_->options.render_error) {
    response = server_->options.render_error(status, message);
  } else {
    response.headers.add("Content-Type", "text/plain");
    response.body = std::string(message) + "\n";
  }
  response.status = status;
  response.close = true;
  if (state_ == State::head) {
    is_head_request_ = false;
    body_complete_ = true;
  }
  auto sink = std::move(sink_);
  begin_answer(std::move(response));
  if (sink && sink->on_end) {
    sink->on_end(false);
  }
}

bool HttpConnection::body_rests_small() const {
  return body_complete_ || (!continue_due_ && (chunked_ || body_left_ <= kScratchBytes));
}

void HttpConnection::begin_answer(Response response) {
  auto dropped = std::move(sink_);  // Dies at the end: it may hold the last of the handler's state.
  answered_ = true;
  out_chunked_ = response.source && !is_http_1_0_;
  close_after_ |= response.close || !body_rests_small() || (group() && group()->draining()) ||
                  (response.source && is_http_1_0_);
  bool bodiless = response.status == 204 || response.status == 304 || response.status < 200;
  ResponseFraming framing;
  framing.body_bytes = response.file ? response.file->bytes : response.body.size();
  framing.tell_length = !bodiless && !response.source;
  framing.chunked = !bodiless && out_chunked_;
  framing.close = close_after_;
  const bool wants_body = !bodiless && !response.head_only && !is_head_request_;
  const bool send_body = wants_body && framing.body_bytes > 0;

  std::string& scratch = loop_.impl().out;
  scratch.clear();
  append_response_head(scratch, response, framing, loop_.impl().http_date());
  file_.reset();
  source_ = wants_body ? std::move(response.source) : nullptr;
  std::string_view large_body;
  if (send_body && response.file) {
    file_ = std::move(response.file);
  } else if (send_body) {
    if (response.body.size() <= kScratchBytes) {
      scratch += response.body;
    } else {
      large_body = response.body;
    }
  }
  set_window(State::sending);
  std::size_t taken = 0;
  bool more = write_some(scratch, taken);
  if (state_ == State::closed) {
    return;
  }
  if (taken < scratch.size() || !large_body.empty()) {
    out_ = scratch.substr(taken);
    out_at_ = 0;
    if (out_.empty()) {
      out_ = std::move(response.body);
    } else {
      out_ += large_body;
    }
  }
  if (more && (!out_.empty() || file_ || source_)) {
    // Large answers go on in the pump, in turn with other connections.
    if (!pumping_) {
      pump_later();
    }
  } else if (more) {
    finish_answer();
    if (!pumping_) {
      if (state_ == State::head && in_.empty() && !readable_) {
        arm(Stream::Status::want_read);
      } else {
        pump_later();
      }
    }
  }
}

// False: a wait is armed or the connection is closed. `taken` counts what was written.
bool HttpConnection::write_some(std::string_view bytes, std::size_t& taken) {
  taken = 0;
  while (taken < bytes.size()) {
    Stream::Io io = stream_.write(bytes.substr(taken));
    switch (io.status) {
      case Stream::Status::ok:
        taken += io.bytes;
        window_bytes_ += io.bytes;
        break;
      case Stream::Status::want_read:
      case Stream::Status::want_write:
        arm(io.status);
        return false;
      case Stream::Status::closed:
      case Stream::Status::failed:
        close();
        return false;
    }
  }
  return true;
}

bool HttpConnection::step_sending() {
  std::size_t taken = 0;
  if (out_at_ < out_.size()) {
    bool more = write_some(std::string_view(out_).substr(out_at_, kScratchBytes), taken);
    out_at_ += taken;
    return more;
  }
  out_ = std::string();
  out_at_ = 0;
  if (file_ && file_->bytes > 0) {
    auto& scratch = loop_.impl().scratch;
    auto size = static_cast<std::size_t>(std::min<std::uint64_t>(file_->bytes, scratch.size()));
    auto got = read_at(file_->file->get(), scratch.data(), size, file_->offset);
    if (!got.ok() || *got != size) {  // Shorter than the length that was told.
      close();
      return false;
    }
    const std::string_view piece(scratch.data(), size);
    const bool last = size == file_->bytes;
    if (last && file_->check && !std::exchange(file_->check, nullptr)(piece, /*last=*/true)) {
      close();
      return false;
    }
    // What is not taken is read again: nothing of the file stays in memory.
    bool more = write_some(piece, taken);
    if (file_) {
      if (file_->check) {
        file_->check(piece.substr(0, taken), /*last=*/false);
      }
      file_->offset += taken;
      file_->bytes -= taken;
    }
    return more;
  }
  if (source_) {
    ask_source();
    return false;
  }
  finish_answer();
  return state_ != State::closed;
}

// Nothing is read meanwhile: that the peer has gone is seen when the next piece is written. What
// the source is asked holds the connection, as an exchange does.
void HttpConnection::ask_source() {
  state_ = State::waiting;
  deadline_.clear();
  const auto source = source_;  // close() may come inside
  auto here = std::make_shared<HeldConnection>(loop_, shared_from_this());
  source->next([here, number = number_](std::optional<std::string> piece) {
    here->loop.post([self = here->connection, number, piece = std::move(piece)]() mutable {
      self->on_piece(number, std::move(piece));
    });
  });
}

void HttpConnection::on_piece(std::uint64_t number, std::optional<std::string> piece) {
  if (number != number_ || state_ != State::waiting) {
    return;
  }
  if (!piece) {
    source_.reset();
    out_ = out_chunked_ ? "0\r\n\r\n" : "";
  } else if (out_chunked_ && !piece->empty()) {
    out_ = fmt::format("{:x}\r\n", piece->size()) + *piece + "\r\n";
  } else {
    out_ = std::move(*piece);
  }
  out_at_ = 0;
  set_window(State::sending);
  pump();
}

void HttpConnection::finish_answer() {
  file_.reset();
  if (close_after_) {
    begin_linger();
  } else if (!body_complete_) {
    set_window(State::discarding);
  } else {
    next_request();
  }
}

void HttpConnection::begin_linger() {
  in_ = std::string();
  stream_.finish_writing();
  state_ = State::lingering;
  window_bytes_ = 0;
  readable_ = true;
  deadline_.set(kLingerTimeout);
}

bool HttpConnection::step_lingering() {
  if (!readable_) {
    arm(Stream::Status::want_read);
    return false;
  }
  auto& scratch = loop_.impl().scratch;
  Stream::Io io = stream_.discard(scratch.data(), scratch.size());
  window_bytes_ += io.bytes;
  if (io.status == Stream::Status::want_read) {
    arm(io.status);
    return false;
  }
  if (io.status != Stream::Status::ok || window_bytes_ > kLingerBytesMax) {
    close();
    return false;
  }
  return true;
}

}  // namespace reachback::net
