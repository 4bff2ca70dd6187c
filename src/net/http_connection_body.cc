// The request body of an HttpConnection: on its way to a sink, or to nowhere.
#include "net/http_connection.h"

namespace reachback::net {

void HttpConnection::read_body(std::uint64_t number, std::uint64_t max_bytes,
                               std::function<void(std::shared_ptr<const Body>)> done) {
  if (number == number_ && !answered_ && state_ == State::handling) {
    auto sink = std::make_unique<Sink>();
    sink->max_bytes = max_bytes;
    sink->whole = std::move(done);
    begin_body(std::move(sink));
  }
}

void HttpConnection::stream_body(std::uint64_t number, std::uint64_t max_bytes,
                                 std::function<bool(std::string_view)> on_data,
                                 std::function<void(bool)> on_end) {
  if (number == number_ && !answered_ && state_ == State::handling) {
    auto sink = std::make_unique<Sink>();
    sink->max_bytes = max_bytes;
    sink->on_data = std::move(on_data);
    sink->on_end = std::move(on_end);
    begin_body(std::move(sink));
  } else if (on_end) {
    loop_.post([on_end = std::move(on_end)] { on_end(false); });
  }
}

void HttpConnection::begin_body(std::unique_ptr<Sink> sink) {
  sink_ = std::move(sink);
  set_window(State::body);
  // The first step may call back, so it is not taken inside the caller.
  if (!pumping_) {
    pump_later();
  }
}

bool HttpConnection::step_body() {
  if (body_complete_) {
    finish_body();
    return true;
  }
  if (!chunked_ && body_left_ + body_taken_ > sink_->max_bytes) {
    fail(413, "the request body is too large");
    return state_ != State::closed;
  }
  if (continue_due_) {
    // The send buffer is empty between answers; a peer whose buffer cannot take these few bytes
    // gets along without them, since it may send the body unasked.
    continue_due_ = false;
    stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  if (!in_.empty()) {
    std::string input = std::move(in_);
    in_ = std::string();
    take_body(input);
    return state_ != State::closed;
  }
  if (!readable_) {
    arm(Stream::Status::want_read);
    return false;
  }
  auto& scratch = loop_.impl().scratch;
  Stream::Io io = stream_.read(scratch.data(), scratch.size());
  readable_ =
      io.status == Stream::Status::ok && (stream_.has_pending() || io.bytes == scratch.size());
  switch (io.status) {
    case Stream::Status::ok:
      take_body({scratch.data(), io.bytes});
      return state_ != State::closed;
    case Stream::Status::want_read:
    case Stream::Status::want_write:
      arm(io.status);
      return false;
    case Stream::Status::closed:
    case Stream::Status::failed:
      close();
      return false;
  }
  return false;
}

// Uses `input` up to the end of the body, or up to where the handler has had enough; the rest goes
// back to in_.
void HttpConnection::take_body(std::string_view input) {
  window_bytes_ += input.size();
  while (!body_complete_ && !input.empty()) {
    std::string_view piece;
    if (chunked_) {
      ChunkDecoder::State state = chunks_.next(input, piece);
      if (state == ChunkDecoder::State::bad) {
        if (state_ == State::body) {
          fail(400, "malformed chunk");
        } else {
          begin_linger();
        }
        return;
      }
      body_complete_ = state == ChunkDecoder::State::complete;
    } else {
      piece = input.substr(
          0, static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, input.size())));
      input.remove_prefix(piece.size());
      body_left_ -= piece.size();
      body_complete_ = body_left_ == 0;
    }
    body_taken_ += piece.size();
    State before = state_;
    if (!piece.empty() && !deliver(piece)) {
      return;
    }
    if (state_ != before) {
      break;
    }
  }
  in_.assign(input);
}

// False: the connection has answered by itself or is closed.
bool HttpConnection::deliver(std::string_view piece) {
  if (state_ != State::body) {
    return true;  // Nobody wants it.
  }
  if (body_taken_ > sink_->max_bytes) {
    fail(413, "the request body is too large");
    return false;
  }
  if (sink_->on_data) {
    auto on_data = std::move(sink_->on_data);
    bool wanted = on_data(piece);
    if (state_ != State::body) {
      return state_ != State::closed && state_ != State::lingering;
    }
    if (wanted) {
      sink_->on_data = std::move(on_data);
    } else {
      auto dropped = std::move(sink_);
      state_ = State::handling;
      deadline_.clear();
      close_after_ |= !body_complete_;
    }
    return true;
  }
  if (auto stored = sink_->store.append(piece); !stored.ok()) {
    fail(503, "no room for the request body");
    return false;
  }
  return true;
}

void HttpConnection::finish_body() {
  auto sink = std::move(sink_);
  state_ = State::handling;
  deadline_.clear();
  if (sink->on_end) {
    sink->on_end(true);
    return;
  }
  auto body = sink->store.finish();
  if (!body.ok()) {
    fail(503, "no room for the request body");
    return;
  }
  sink->whole(*std::move(body));
}

bool HttpConnection::step_discarding() {
  if (body_complete_) {
    next_request();
    return state_ != State::closed;
  }
  if (window_bytes_ > kScratchBytes) {
    begin_linger();
    return true;
  }
  if (!in_.empty()) {
    std::string input = std::move(in_);
    in_ = std::string();
    take_body(input);
    return true;
  }
  if (!readable_) {
    arm(Stream::Status::want_read);
    return false;
  }
  auto& scratch = loop_.impl().scratch;
  Stream::Io io = stream_.read(scratch.data(), scratch.size());
  readable_ = io.status == Stream::Status::ok && stream_.has_pending();
  switch (io.status) {
    case Stream::Status::ok:
      take_body({scratch.data(), io.bytes});
      return true;
    case Stream::Status::want_read:
    case Stream::Status::want_write:
      arm(io.status);
      return false;
    case Stream::Status::closed:
    case Stream::Status::failed:
      close();
      return false;
  }
  return false;
}

}  // namespace reachback::net
