#include "net/ws_connection.h"

#include <openssl/rand.h>

namespace reachback::net {
namespace {

constexpr Duration kCloseTimeout = std::chrono::seconds(5);
// Past this many unsent bytes a ping goes unanswered: only the last one needs an answer, and a peer
// that pings without reading must not fill our memory.
constexpr std::size_t kPongQueueBytesMax = 64 << 10;
constexpr std::size_t kDirectFrameBytesMax = 16 << 10;
constexpr int kReadsPerTurn = 16;

// The last reference may go on any thread; the connection dies on its own.
struct DieOnLoop {
  Loop* loop;
  void operator()(WsConnection* connection) const {
    std::unique_ptr<WsConnection> owned(connection);
    if (!loop->on_thread() && loop->impl().thread.load() != std::thread::id()) {
      asio::post(loop->impl().io, [owned = std::move(owned)] {});
    }
  }
};

}  // namespace

std::shared_ptr<WsConnection> WsConnection::make(Loop& loop, Stream stream, Role role,
                                                 Start start) {
  auto group = std::move(start.group);
  auto place = std::move(start.place);
  std::string first_bytes = std::move(start.first_bytes);
  std::shared_ptr<WsConnection> made(
      new WsConnection(loop, std::move(stream), role, std::move(start)), DieOnLoop{&loop});
  made->join(std::move(group), std::move(place));
  if (!first_bytes.empty()) {
    made->write(first_bytes);
  }
  return made;
}

WsConnection::WsConnection(Loop& loop, Stream stream, Role role, Start start)
    : loop_(loop),
      stream_(std::move(stream)),
      reader_(role == Role::server, kWebSocketMessageBytesMax),
      closing_deadline_(loop,
                        [this] {
                          auto self = shared_from_this();
                          finish(violated_ ? close_why_ : "close handshake timed out");
                        }),
      peer_ip_(std::move(start.peer_ip)),
      in_(std::move(start.received)),
      is_client_(role == Role::client) {}

void WsConnection::start(std::function<void(std::string_view)> on_message,
                         std::function<void(std::string_view)> on_close) {
  callbacks_ = std::make_shared<Callbacks>();
  callbacks_->on_message = std::move(on_message);
  callbacks_->on_close = std::move(on_close);
  if (closed_) {  // The first write failed.
    closed_ = false;
    finish(std::move(close_why_));
    return;
  }
  if (in_.empty() && !stream_.has_pending()) {
    arm(Stream::Status::want_read, &WsConnection::read);
  } else {
    read_later();
  }
}

void WsConnection::send(std::string message) {
  if (!closed_ && !close_sent_) {
    send_frame(WsOpcode::binary, message);
  }
}

void WsConnection::send_frame(WsOpcode opcode, std::string_view payload) {
  std::optional<std::uint32_t> mask;
  if (is_client_) {
    std::uint32_t key = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&key), sizeof key);
    mask = key;
  }
  if (queued_bytes() == 0 && payload.size() <= kDirectFrameBytesMax) {
    std::string& scratch = loop_.impl().out;
    scratch.clear();
    append_ws_frame(scratch, opcode, payload, mask);
    write(scratch);
    return;
  }
  bool was_empty = queued_bytes() == 0;
  append_ws_frame(out_, opcode, payload, mask);
  if (was_empty) {
    flush();
  }
}

// Only with an empty queue may bytes go past it.
void WsConnection::write(std::string_view bytes) {
  Stream::Io io = stream_.write(bytes);
  if (io.status == Stream::Status::ok && io.bytes == bytes.size()) {
    return;
  }
  out_.append(bytes.substr(io.bytes));
  flush();
}

void WsConnection::flush() {
  while (!closed_ && queued_bytes() > 0) {
    Stream::Io io = stream_.write(std::string_view(out_).substr(out_at_));
    switch (io.status) {
      case Stream::Status::ok:
        out_at_ += io.bytes;
        break;
      case Stream::Status::want_read:
      case Stream::Status::want_write:
        // What was sent is dropped once it is the larger part, so each byte moves once at most.
        if (out_at_ > out_.size() / 2 && out_at_ > kScratchBytes) {
          out_.erase(0, out_at_);
          out_at_ = 0;
        }
        if (!writing_armed_) {
          writing_armed_ = true;
          stream_.wait(io.status, [self = shared_from_this()](ErrorCode error) {
            self->writing_armed_ = false;
            if (!error) {
              self->flush();
            }
          });
        }
        return;
      case Stream::Status::closed:
      case Stream::Status::failed:
        finish(std::string(stream_.reason()));
        return;
    }
  }
  out_ = std::string();
  out_at_ = 0;
  if (closed_ || !close_sent_) {
    return;
  }
  if (violated_) {
    stream_.finish_writing();
  } else if (close_received_) {
    finish(close_why_);
  }
}

void WsConnection::close(std::uint16_t code, std::string_view reason) {
  if (closed_ || close_sent_) {
    return;
  }
  if (!close_received_ && !violated_) {
    close_why_ = "closed by us: " + std::to_string(code) + " " + std::string(reason);
  }
  send_frame(WsOpcode::close, ws_close_payload(code, reason));
  close_sent_ = true;
  if (closed_) {
    return;
  }
  closing_deadline_.set(kCloseTimeout);
  paused_ = false;  // The peer's answer must be read.
  if (callbacks_) {
    read_later();
  }
}

void WsConnection::resume() {
  if (paused_ && !closed_) {
    paused_ = false;
    if (callbacks_) {
      read_later();
    }
  }
}

void WsConnection::read_later() {
  asio::post(loop_.impl().io, [self = shared_from_this()] { self->read(); });
}

void WsConnection::arm(Stream::Status want, void (WsConnection::*then)()) {
  if (reading_armed_) {
    return;
  }
  reading_armed_ = true;
  stream_.wait(want, [self = shared_from_this(), then](ErrorCode error) {
    self->reading_armed_ = false;
    if (!error) {
      ((*self).*then)();
    }
  });
}

void WsConnection::read() {
  if (!in_.empty() && !paused_ && !closed_) {
    std::string received = std::move(in_);
    in_ = std::string();
    if (!take(received)) {
      return;
    }
  }
  auto& scratch = loop_.impl().scratch;
  for (int i = 0; i < kReadsPerTurn && !paused_ && !closed_; ++i) {
    Stream::Io io = stream_.read(scratch.data(), scratch.size());
    switch (io.status) {
      case Stream::Status::ok:
        if (!take({scratch.data(), io.bytes})) {
          return;
        }
        if (io.bytes < scratch.size() && !stream_.has_pending()) {
          arm(Stream::Status::want_read, &WsConnection::read);
          return;
        }
        break;
      case Stream::Status::want_read:
      case Stream::Status::want_write:
        arm(io.status, &WsConnection::read);
        return;
      case Stream::Status::closed:
      case Stream::Status::failed:
        finish(violated_ ? close_why_ : std::string(stream_.reason()));
        return;
    }
  }
  if (!paused_ && !closed_) {
    read_later();
  }
}

bool WsConnection::take(std::string_view bytes) {
  while (!closed_) {
    if (paused_) {
      in_.assign(bytes);
      return false;
    }
    switch (reader_.next(bytes)) {
      case WsFrameReader::Event::need_more:
        return true;
      case WsFrameReader::Event::message: {
        std::string message = reader_.take_payload();
        if (callbacks_ && !close_sent_) {
          auto callbacks = callbacks_;
          callbacks->on_message(message);
        }
        break;
      }
      case WsFrameReader::Event::ping: {
        std::string payload = reader_.take_payload();
        if (!close_sent_ && queued_bytes() <= kPongQueueBytesMax) {
          send_frame(WsOpcode::pong, payload);
        }
        break;
      }
      case WsFrameReader::Event::pong:
        reader_.take_payload();
        break;
      case WsFrameReader::Event::close:
        on_close_frame();
        return false;
      case WsFrameReader::Event::violation: {
        std::string why = reader_.take_payload();
        close_why_ = "protocol violation: " + why;
        violated_ = true;
        close(reader_.close_code(), why);
        if (!closed_ && queued_bytes() == 0) {
          stream_.finish_writing();
        }
        break;  // The reader drops what follows.
      }
    }
  }
  return false;
}

void WsConnection::on_close_frame() {
  std::string reason = reader_.take_payload();
  std::uint16_t code = reader_.close_code();
  close_received_ = true;
  if (!close_sent_) {
    close_why_ =
        "closed by the peer: " + std::to_string(code) + (reason.empty() ? "" : " ") + reason;
    close(code == 1005 ? 1000 : code, "");
  }
  if (!closed_ && queued_bytes() == 0) {
    finish(close_why_);
  }
}

void WsConnection::finish(std::string why) {
  if (closed_) {
    return;
  }
  auto self = weak_from_this().lock();
  closed_ = true;
  closing_deadline_.clear();
  leave();
  stream_.finish_writing();
  stream_.close();
  in_ = std::string();
  out_ = std::string();
  out_at_ = 0;
  if (!callbacks_) {
    close_why_ = std::move(why);
    return;
  }
  // Not at once: send() and close() must not call back into their caller.
  loop_.post([self, why = std::move(why), callbacks = std::move(callbacks_)] {
    callbacks->on_close(why);
  });
}

}  // namespace reachback::net
