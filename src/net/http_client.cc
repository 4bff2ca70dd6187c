#include "net/http_client.h"

#include "net/client_session.h"
#include "net/http_write.h"

namespace reachback::net {
namespace {

constexpr int kStepsPerTurn = 16;
constexpr std::size_t kBodyWithHeadBytesMax = 16 << 10;

class Client final : public HttpClient {
 public:
  Client(Loop& loop, Origin origin, std::shared_ptr<TlsClientContext> tls, AddressRule may_connect,
         std::string from)
      : session_(std::make_shared<ClientSession>(loop, std::move(origin), std::move(tls),
                                                 std::move(may_connect), std::move(from))) {}
  ~Client() override { session_->stop(); }
  void send(ClientRequest request, Done<ClientResponse> done) override {
    session_->send(std::move(request), std::move(done));
  }

 private:
  std::shared_ptr<ClientSession> session_;
};

// Nothing that would change the request around it.
bool is_sendable(const ClientRequest& request) {
  for (char c : request.target) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '#') {
      return false;
    }
  }
  return is_token(request.method) && !request.target.empty() && request.target.front() == '/';
}

}  // namespace

std::unique_ptr<HttpClient> HttpClient::create(Loop& loop, Origin origin,
                                               std::shared_ptr<TlsClientContext> tls,
                                               AddressRule may_connect, std::string from) {
  return std::make_unique<Client>(loop, std::move(origin), std::move(tls), std::move(may_connect),
                                  std::move(from));
}

ClientSession::ClientSession(Loop& loop, Origin origin, std::shared_ptr<TlsClientContext> tls,
                             AddressRule may_connect, std::string from)
    : loop_(loop),
      origin_(std::move(origin)),
      tls_(std::move(tls)),
      may_connect_(std::move(may_connect)),
      from_(std::move(from)),
      deadline_(loop, [this] {
        auto self = shared_from_this();
        fail(Error{Errc::timed_out, "no answer from " + origin_text(origin_) + " in time"});
      }) {}

void ClientSession::send(ClientRequest request, Done<ClientResponse> done) {
  auto job = std::make_shared<Job>();
  job->request = std::move(request);
  job->done = std::move(done);
  waiting_.push_back(std::move(job));
  if (state_ == State::idle) {
    asio::post(loop_.impl().io, [self = shared_from_this()] { self->next(); });
  }
}

void ClientSession::stop() {
  state_ = State::stopped;
  deadline_.clear();
  if (connecting_) {
    connecting_->cancel();
    connecting_.reset();
  }
  close_stream();
  waiting_.clear();
  job_.reset();
}

void ClientSession::close_stream() {
  if (stream_) {
    stream_->finish_writing();
    stream_->close();
    stream_.reset();
  }
  read_armed_ = false;
  used_before_ = false;
}

void ClientSession::next() {
  if (state_ != State::idle) {
    return;
  }
  if (waiting_.empty()) {
    if (stream_) {
      arm_read(Stream::Status::want_read);  // Sees the server close.
    }
    return;
  }
  job_ = std::move(waiting_.front());
  waiting_.pop_front();
  if (!is_sendable(job_->request)) {
    fail(Error{Errc::invalid_input, "malformed method or target: " + job_->request.target});
    return;
  }
  if (stream_) {
    begin_request();
  } else {
    connect();
  }
}

void ClientSession::connect() {
  state_ = State::connecting;
  connecting_ = connect_stream(loop_, origin_, tls_, may_connect_, from_, job_->request.timeout,
                               [self = shared_from_this()](Result<Stream> opened) {
                                 self->connecting_.reset();
                                 if (!opened.ok()) {
                                   self->fail(opened.error());
                                   return;
                                 }
                                 self->stream_ =
                                     std::make_shared<Stream>(std::move(opened).value());
                                 self->begin_request();
                               });
}

void ClientSession::begin_request() {
  state_ = State::busy;
  const ClientRequest& request = job_->request;
  std::uint64_t length = request.file ? request.file->bytes : request.body.size();
  bool tell_length = length > 0 || request.method == "POST" || request.method == "PUT" ||
                     request.method == "PATCH";
  out_.clear();
  append_request_head(out_, request.method, request.target, host_field(origin_), request.headers,
                      tell_length ? std::optional(length) : std::nullopt);
  out_at_ = 0;
  body_at_ = 0;
  file_at_ = 0;
  all_sent_ = false;
  sent_ = 0;
  if (!request.file && request.body.size() <= kBodyWithHeadBytesMax) {
    out_ += request.body;
    body_at_ = request.body.size();
  }
  heard_ = false;
  have_head_ = false;
  in_.clear();
  scanner_.reset();
  response_ = ClientResponse();
  progress();
  arm_read(Stream::Status::want_read);
  flush();
}

Result<std::string_view> ClientSession::unsent() {
  const ClientRequest& request = job_->request;
  if (out_at_ < out_.size()) {
    return std::string_view(out_).substr(out_at_);
  }
  if (!request.file) {
    return std::string_view(request.body).substr(body_at_, kScratchBytes);
  }
  auto& scratch = loop_.impl().scratch;
  auto size = static_cast<std::size_t>(
      std::min<std::uint64_t>(request.file->bytes - file_at_, scratch.size()));
  if (size == 0) {
    return std::string_view();
  }
  // What is not taken is read again: nothing of the file stays in memory.
  RB_TRY_ASSIGN(std::size_t got, read_at(request.file->file->get(), scratch.data(), size,
                                         request.file->offset + file_at_));
  if (got != size) {
    return Error{Errc::io, "the file to send became shorter"};
  }
  return std::string_view(scratch.data(), size);
}

void ClientSession::note_sent(std::size_t bytes) {
  if (out_at_ < out_.size()) {
    out_at_ += bytes;
  } else if (!job_->request.file) {
    body_at_ += bytes;
  } else {
    file_at_ += bytes;
  }
}

void ClientSession::flush() {
  for (int i = 0; i < kStepsPerTurn; ++i) {
    auto piece = unsent();
    if (!piece.ok()) {
      fail(piece.error());
      return;
    }
    if (piece->empty()) {
      all_sent_ = true;
      out_ = std::string();
      out_at_ = 0;
      return;
    }
    Stream::Io io = stream_->write(*piece);
    switch (io.status) {
      case Stream::Status::ok:
        note_sent(io.bytes);
        sent_ += io.bytes;
        progress();
        if (job_->request.on_sent) {
          job_->request.on_sent(sent_);
        }
        break;
      case Stream::Status::want_read:
      case Stream::Status::want_write:
        stream_->wait(
            io.status, [self = shared_from_this(), stream = stream_, job = job_](ErrorCode error) {
              if (!error && self->stream_ == stream && self->job_ == job && !self->all_sent_) {
                self->flush();
              }
            });
        return;
      case Stream::Status::closed:
      case Stream::Status::failed:
        return;  // There may be an answer all the same; reading finds out.
    }
  }
  asio::post(loop_.impl().io, [self = shared_from_this(), stream = stream_, job = job_] {
    if (self->stream_ == stream && self->job_ == job && !self->all_sent_) {
      self->flush();
    }
  });
}

void ClientSession::finish_answer(bool reusable) {
  deadline_.clear();
  if (reusable && keep_alive_ && all_sent_) {
    used_before_ = true;
  } else {
    close_stream();
  }
  state_ = State::idle;
  auto job = std::move(job_);
  auto response = std::move(response_);
  job->done(std::move(response));
  next();
}

void ClientSession::fail(Error error) {
  deadline_.clear();
  if (connecting_) {
    connecting_->cancel();
    connecting_.reset();
  }
  close_stream();
  state_ = State::idle;
  auto job = std::move(job_);
  job->done(std::move(error));
  next();
}

void ClientSession::on_broken(const std::string& why) {
  if (state_ == State::idle) {
    close_stream();
    return;
  }
  if (have_head_ && framing_ == Framing::until_close && stream_->ended_cleanly()) {
    finish_answer(/*reusable=*/false);
    return;
  }
  if (used_before_ && !heard_ && !job_->sent_again) {
    job_->sent_again = true;
    deadline_.clear();
    close_stream();
    connect();
    return;
  }
  fail(Error{Errc::unavailable, "connection to " + origin_text(origin_) + " lost: " + why});
}

}  // namespace reachback::net
