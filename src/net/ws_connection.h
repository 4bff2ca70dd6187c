// A WebSocket on a stream whose handshake is done.
#pragma once

#include <memory>
#include <string>

#include "net/open_connections.h"
#include "net/stream.h"
#include "net/web_socket.h"
#include "net/ws_frame.h"

namespace reachback::net {

class WsConnection final : public WebSocket,
                           public OpenConnection,
                           public std::enable_shared_from_this<WsConnection> {
 public:
  enum class Role { client, server };
  struct Start {
    std::string first_bytes;  // Sent before anything else: the server's 101.
    std::string received;     // Came behind the handshake.
    std::string peer_ip;
    std::shared_ptr<OpenConnections> group;  // Null for a client.
    std::shared_ptr<void> place;             // See OpenConnection::join().
  };
  static std::shared_ptr<WsConnection> make(Loop& loop, Stream stream, Role role, Start start);
  WsConnection(Loop& loop, Stream stream, Role role, Start start);

  void start(std::function<void(std::string_view)> on_message,
             std::function<void(std::string_view why)> on_close) override;
  void send(std::string message) override;
  std::size_t queued_bytes() const override { return out_.size() - out_at_; }
  void close(std::uint16_t code, std::string_view reason) override;
  void pause() override { paused_ = true; }
  void resume() override;
  Loop& loop() override { return loop_; }
  std::string peer_ip() const override { return peer_ip_; }
  std::string tls_exporter() const override { return stream_.exporter(); }

  void trust() override { no_stranger(); }

  void drain() override { close(1001, "the server is going away"); }
  void cut() override { finish("cut"); }

 private:
  void send_frame(WsOpcode opcode, std::string_view payload);
  void write(std::string_view bytes);
  void flush();
  void read();
  // False: stop reading (paused, closing or closed).
  bool take(std::string_view bytes);
  void on_close_frame();
  void arm(Stream::Status want, void (WsConnection::*then)());
  void read_later();
  void finish(std::string why);

  Loop& loop_;
  Stream stream_;
  WsFrameReader reader_;
  Deadline closing_deadline_;
  // Shared, because a callback may end the connection that is calling it.
  struct Callbacks {
    std::function<void(std::string_view)> on_message;
    std::function<void(std::string_view)> on_close;
  };
  std::shared_ptr<Callbacks> callbacks_;
  std::string peer_ip_;
  std::string in_;   // Received while paused.
  std::string out_;  // From out_at_ on still to be written.
  std::size_t out_at_ = 0;
  std::string close_why_;
  bool is_client_;
  bool paused_ = false;
  bool reading_armed_ = false;
  bool writing_armed_ = false;
  bool close_sent_ = false;
  bool close_received_ = false;
  // We have said what is wrong and sent the end; what still arrives is dropped until the peer ends
  // too, because closing on unread bytes would reset the connection and lose our close frame.
  bool violated_ = false;
  bool closed_ = false;
};

}  // namespace reachback::net
