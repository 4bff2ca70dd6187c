// How a ClientSession reads an answer.
#include "net/client_session.h"

namespace reachback::net {
namespace {

constexpr int kReadsPerTurn = 16;
constexpr HeadLimits kAnswerLimits = {
    .head_bytes_max = 64 << 10, .request_line_bytes_max = 8 << 10, .fields_max = 200};

}  // namespace

void ClientSession::arm_read(Stream::Status want) {
  if (read_armed_) {
    return;
  }
  read_armed_ = true;
  stream_->wait(want, [self = shared_from_this(), stream = stream_](ErrorCode error) {
    if (self->stream_ == stream) {
      self->read_armed_ = false;
      if (!error) {
        self->read();
      }
    }
  });
}

void ClientSession::read() {
  auto stream = stream_;
  auto& scratch = loop_.impl().scratch;
  for (int i = 0; i < kReadsPerTurn; ++i) {
    Stream::Io io = stream->read(scratch.data(), scratch.size());
    switch (io.status) {
      case Stream::Status::ok:
        if (state_ == State::idle) {  // An answer to nothing.
          close_stream();
          return;
        }
        progress();
        if (!take({scratch.data(), io.bytes})) {
          return;
        }
        break;
      case Stream::Status::want_read:
      case Stream::Status::want_write:
        arm_read(io.status);
        return;
      case Stream::Status::closed:
      case Stream::Status::failed:
        on_broken(std::string(stream->reason()));
        return;
    }
  }
  asio::post(loop_.impl().io, [self = shared_from_this(), stream] {
    if (self->stream_ == stream && !self->read_armed_) {
      self->read();
    }
  });
}

bool ClientSession::take(std::string_view input) {
  heard_ = true;
  while (!have_head_) {
    if (!take_head(input)) {
      return state_ == State::busy && stream_ != nullptr;
    }
  }
  return take_body(input);
}

// True: the final head is complete. False: more is needed, or it is all over.
bool ClientSession::take_head(std::string_view& input) {
  auto job = job_;
  in_.append(input);
  input = {};
  switch (scanner_.scan(in_, kAnswerLimits)) {
    case HeadScanner::State::need_more:
      return false;
    case HeadScanner::State::bad:
      fail(Error{Errc::protocol, "answer of " + origin_text(origin_) + ": " +
                                     std::string(scanner_.fault().message)});
      return false;
    case HeadScanner::State::complete:
      break;
  }
  ResponseHead head;
  auto fault = parse_response_head(std::string_view(in_).substr(0, scanner_.head_bytes()),
                                   kAnswerLimits, head);
  if (fault || head.status == 101) {
    fail(Error{Errc::protocol,
               "answer of " + origin_text(origin_) + ": " +
                   std::string(fault ? fault->message : "switched protocols unasked")});
    return false;
  }
  in_.erase(0, scanner_.head_bytes());
  scanner_.reset();
  if (head.status < 200) {
    return !in_.empty() && take_head(input);
  }
  have_head_ = true;
  keep_alive_ = head.keep_alive;
  chunks_ = ChunkDecoder();
  left_ = head.content_length.value_or(0);
  if (job->request.method == "HEAD" || head.status == 204 || head.status == 304) {
    framing_ = Framing::none;
  } else if (head.chunked) {
    framing_ = Framing::chunked;
  } else if (head.content_length) {
    framing_ = *head.content_length > 0 ? Framing::length : Framing::none;
  } else {
    framing_ = Framing::until_close;
  }
  response_.status = head.status;
  response_.headers = std::move(head.headers);
  if (job->request.on_head) {
    job->request.on_head(response_.status, response_.headers);
  }
  return job_ == job;
}

bool ClientSession::take_body(std::string_view& input) {
  auto job = job_;
  // What came with the head.
  std::string with_head = std::move(in_);
  in_ = std::string();
  if (!with_head.empty()) {
    input = with_head;
  }
  bool complete = framing_ == Framing::none;
  while (!complete) {
    std::string_view piece;
    switch (framing_) {
      case Framing::chunked: {
        ChunkDecoder::State state = chunks_.next(input, piece);
        if (state == ChunkDecoder::State::bad) {
          fail(Error{Errc::protocol, "answer of " + origin_text(origin_) + ": malformed chunk"});
          return false;
        }
        if (state == ChunkDecoder::State::need_more) {
          return true;
        }
        complete = state == ChunkDecoder::State::complete;
        break;
      }
      case Framing::length:
        piece =
            input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
        input.remove_prefix(piece.size());
        left_ -= piece.size();
        complete = left_ == 0;
        break;
      case Framing::until_close:
      case Framing::none:
        piece = input;
        input = {};
        break;
    }
    if (!piece.empty() && !deliver(piece)) {
      return false;
    }
    if (job_ != job) {
      return false;
    }
    if (!complete && input.empty() && framing_ != Framing::chunked) {
      return true;
    }
  }
  finish_answer(/*reusable=*/input.empty());
  return false;
}

bool ClientSession::deliver(std::string_view piece) {
  auto job = job_;
  if (job->request.on_body) {
    bool wanted = job->request.on_body(piece);
    if (job_ != job) {
      return false;
    }
    if (!wanted) {
      fail(Error{Errc::unavailable, "the answer was stopped by its reader"});
      return false;
    }
    return true;
  }
  if (response_.body.size() + piece.size() > job->request.body_bytes_max) {
    fail(Error{Errc::protocol, "answer of " + origin_text(origin_) + ": body over " +
                                   std::to_string(job->request.body_bytes_max) + " bytes"});
    return false;
  }
  response_.body.append(piece);
  return true;
}

}  // namespace reachback::net
