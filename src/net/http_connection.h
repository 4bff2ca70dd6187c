// One server connection: reads requests, hands each to the handler, writes its answer, and decides
// whether another may follow. A state machine over a non-blocking stream; every step either makes
// progress or arms one wait.
#pragma once

#include <memory>
#include <string>

#include "net/body_store.h"
#include "net/chunk_decoder.h"
#include "net/http_head.h"
#include "net/http_server.h"
#include "net/open_connections.h"
#include "net/stream.h"

namespace reachback::net {

// What the connections of one server share.
struct ServerContext {
  HttpServerOptions options;
  HeadLimits limits;
  HttpHandler handler;
  std::shared_ptr<TlsServerContext> tls;
};

class HttpConnection final : public OpenConnection,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Loop& loop, std::shared_ptr<const ServerContext> server, Stream stream,
                 std::string peer_ip);
  // place: see OpenConnection::join().
  void start(std::shared_ptr<OpenConnections> group, std::shared_ptr<void> place);

  // From the exchange of request `number`; ignored once that is answered. Loop thread.
  void respond(std::uint64_t number, Response response);
  void abandon(std::uint64_t number);
  void read_body(std::uint64_t number, std::uint64_t max_bytes,
                 std::function<void(std::shared_ptr<const Body>)> done);
  void stream_body(std::uint64_t number, std::uint64_t max_bytes,
                   std::function<bool(std::string_view)> on_data, std::function<void(bool)> on_end);
  Result<std::shared_ptr<WebSocket>> upgrade(std::uint64_t number, const Request& request,
                                             const Headers& extra);

  void trust(std::uint64_t number);

  void drain() override;
  void cut() override { close(); }

 private:
  enum class State : std::uint8_t {
    handshake,
    head,        // between requests, or in the head of one
    handling,    // the handler has the request; nothing is read
    body,        // the handler has asked for the body
    sending,     // the answer is being written
    waiting,     // what there was of it is written, its source has nothing more yet
    discarding,  // answered before the body was read to its end
    lingering,   // the last answer is out; bytes are dropped until the peer ends, so that none of
                 // them makes the kernel reset the connection and lose the answer
    closed,
  };
  // Where a body goes. Either `whole` or on_data/on_end.
  struct Sink {
    std::uint64_t max_bytes = 0;
    BodyStore store;
    std::function<void(std::shared_ptr<const Body>)> whole;
    std::function<bool(std::string_view)> on_data;
    std::function<void(bool)> on_end;
  };

  void pump();
  void pump_later();
  bool step();
  void arm(Stream::Status want);
  void set_window(State state);
  void on_deadline();

  bool step_handshake();
  bool step_head();
  bool try_head(std::string_view input);
  void begin_request(std::size_t head_bytes, std::string_view input);
  void next_request();

  void begin_body(std::unique_ptr<Sink> sink);
  bool step_body();
  void take_body(std::string_view input);
  bool deliver(std::string_view piece);
  void finish_body();
  bool body_rests_small() const;

  void fail(int status, std::string_view message);
  void begin_answer(Response response);
  bool step_sending();
  bool write_some(std::string_view bytes, std::size_t& taken);
  void ask_source();
  void on_piece(std::uint64_t number, std::optional<std::string> piece);
  void finish_answer();
  bool step_discarding();
  void begin_linger();
  bool step_lingering();
  void close();

  Loop& loop_;
  std::shared_ptr<const ServerContext> server_;
  Stream stream_;
  Deadline deadline_;
  std::string peer_ip_;

  std::string in_;  // Received and not used yet: part of a head, or what came behind it.
  HeadScanner scanner_;
  std::uint64_t number_ = 0;        // Of the current request.
  std::uint64_t window_bytes_ = 0;  // Moved since the deadline was set.
  std::uint64_t body_left_ = 0;     // Of a body with a length.
  std::uint64_t body_taken_ = 0;    // Of any body.
  ChunkDecoder chunks_;
  std::unique_ptr<Sink> sink_;

  std::string out_;  // From out_at_ on still to be written, then `file_`.
  std::size_t out_at_ = 0;
  std::optional<FileBody> file_;
  std::shared_ptr<BodySource> source_;
  bool out_chunked_ = false;  // what source_ gives

  std::uint32_t wait_number_ = 0;  // Completions of earlier waits are ignored.
  State state_ = State::handshake;
  bool pumping_ = false;
  bool pump_posted_ = false;
  bool readable_ = true;  // A read may find something without a wait.
  bool armed_ = false;
  Stream::Status armed_for_ = Stream::Status::want_read;
  bool head_started_ = false;
  bool answered_ = true;  // The current request; also before the first.
  bool is_head_request_ = false;
  bool is_http_1_0_ = false;
  bool chunked_ = false;
  bool body_complete_ = true;
  bool continue_due_ = false;
  bool close_after_ = false;
};

}  // namespace reachback::net
