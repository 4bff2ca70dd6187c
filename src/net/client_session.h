// The connection behind an HttpClient: a queue of requests, one under way at a time.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "net/chunk_decoder.h"
#include "net/connect.h"
#include "net/http_client.h"
#include "net/http_head.h"

namespace reachback::net {

class ClientSession : public std::enable_shared_from_this<ClientSession> {
 public:
  ClientSession(Loop& loop, Origin origin, std::shared_ptr<TlsClientContext> tls,
                AddressRule may_connect, std::string from);
  void send(ClientRequest request, Done<ClientResponse> done);
  void stop();  // Drops everything; nothing is called any more.

 private:
  enum class State : std::uint8_t { idle, connecting, busy, stopped };
  enum class Framing : std::uint8_t { none, length, chunked, until_close };
  // Shared, because a callback of it may stop the session.
  struct Job {
    ClientRequest request;
    Done<ClientResponse> done;
    bool sent_again = false;
  };

  void next();
  void connect();
  void begin_request();
  void flush();
  // The next bytes to write, from the head, the body or the file; empty: all is written. Errors:
  // io.
  Result<std::string_view> unsent();
  void note_sent(std::size_t bytes);

  void read();
  void arm_read(Stream::Status want);
  // False: the answer is over, or everything is.
  bool take(std::string_view input);
  bool take_head(std::string_view& input);
  bool take_body(std::string_view& input);
  bool deliver(std::string_view piece);

  void finish_answer(bool reusable);
  void fail(Error error);
  void on_broken(const std::string& why);
  void close_stream();
  void progress() { deadline_.set(job_->request.timeout); }

  Loop& loop_;
  Origin origin_;
  std::shared_ptr<TlsClientContext> tls_;
  AddressRule may_connect_;
  std::string from_;
  State state_ = State::idle;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::shared_ptr<Job> job_;
  std::shared_ptr<Connecting> connecting_;
  // Shared with its pending waits, which thereby know whether they are of this connection.
  std::shared_ptr<Stream> stream_;
  Deadline deadline_;
  bool read_armed_ = false;
  bool used_before_ = false;  // The connection has carried a whole answer.

  std::string out_;
  std::size_t out_at_ = 0;
  std::size_t body_at_ = 0;
  std::uint64_t file_at_ = 0;
  bool all_sent_ = false;
  std::uint64_t sent_ = 0;

  bool heard_ = false;  // A byte of the answer.
  bool have_head_ = false;
  std::string in_;
  HeadScanner scanner_;
  Framing framing_ = Framing::none;
  bool keep_alive_ = false;
  std::uint64_t left_ = 0;
  ChunkDecoder chunks_;
  ClientResponse response_;
};

}  // namespace reachback::net
