// One agent's WebSocket, server side. Lives on the loop of its connection; every callback returns
// there.
#pragma once

#include <atomic>
#include <deque>
#include <memory>

#include "crypto/ed25519.h"
#include "net/web_socket.h"
#include "server/link/agent_hub.h"
#include "server/ports/directory.h"
#include "server/service/live_response.h"

namespace reachback::server {

struct SessionLimits {
  Duration hello_timeout = std::chrono::seconds(10);
  Duration heartbeat = std::chrono::seconds(30);  // told to the agent, which adds +-20 %
  Duration silence_max =
      std::chrono::seconds(90);  // no frame for so long: the connection is dead (trust.md F20)
  // The last frame may be so old for the claim to stand: the longest heartbeat, 36 s, and a little
  // (ours).
  Duration claim_age_max = std::chrono::seconds(40);
  // So often is a connected machine's last_seen written. Source: ours; findbyip asks for a quarter
  // of an hour.
  Duration seen_every = std::chrono::minutes(15);
  std::size_t queue_pause = 32;  // unhandled messages at which reading pauses
  // Messages that a session may send: `message_burst` at once (what an agent says again after a
  // long absence), then `messages_per_second`. Beyond, reading stops for `throttle` at a time;
  // after `throttles_max` such pauses without the burst having been regained the session is closed.
  // Source: api/limits.json, trust.md §5.9.18.
  std::int64_t messages_per_second = 100;
  std::uint64_t message_burst = 2000;
  Duration throttle = std::chrono::seconds(1);
  std::uint64_t throttles_max = 60;
  std::size_t send_queue_bytes_max = 8 << 20;  // an agent that does not read is cut
  Duration reconnect_hint = std::chrono::seconds(1);
  // For a machine in quarantine: only an operator's word changes anything.
  Duration quarantine_hint = std::chrono::minutes(1);
};

struct SessionDeps {
  AgentHub& hub;
  MachineStore& machines;
  LiveResponse& live_response;
  Clock& clock;
  Random& random;
  AuditLog& audit;
  OrderKeys& order_keys;
};

class AgentSession : public SessionEnd, public std::enable_shared_from_this<AgentSession> {
 public:
  AgentSession(SessionDeps deps, SessionLimits limits, std::shared_ptr<net::WebSocket> socket,
               std::string server_nonce);
  // Takes over the socket's callbacks. Loop thread.
  void start();

  net::Executor& loop() override { return loop_; }
  bool is_fresh() const override { return silence() < limits_.claim_age_max; }
  bool is_over() const override { return closed_; }
  void send(const std::string& frame) override;
  void end(std::string_view reason, bool permanent) override;
  void suspect(std::string why) override;

 private:
  void on_frame(std::string_view frame);
  void on_closed(std::string_view why);
  void
  next();  // handles the oldest queued message; one at a time, so that reports keep their order
  void handled();  // the message under way is done
  void handle(const pb::ToServer& message);
  void on_hello(const pb::Hello& hello);
  void welcome(Machine machine, const pb::Hello::Body& body);
  void on_heartbeat(const pb::Heartbeat& m);
  void send_away();  // in quarantine
  void announce_order_keys();
  void on_order_keys_kept(const pb::OrderKeysKept& m);
  void on_contact_kept(const pb::ContactKept& m);
  void on_order_received(const pb::OrderReceived& m);
  void on_order_refused(const pb::OrderRefused& m);
  void on_command_ended(const pb::CommandEnded& m);
  // The receipt's bytes; empty: there is none, or it is not the machine's word on this command.
  std::string checked_receipt(const pb::CommandEnded& m) const;
  void quarantine(const TenantId& tenant, const MachineId& machine, std::string why);
  void on_upload_request(const pb::UploadRequest& m);
  void report(std::string_view action_bytes, std::uint64_t epoch, action::Event event,
              std::function<void()> then);
  void send(const pb::ToAgent& message);
  void forget(std::string_view action_bytes, std::uint64_t epoch, std::string_view reason);
  void watch_silence();
  Duration silence() const;  // since the last frame
  void heard();
  // One message more. False: the session was closed for sending too many for too long.
  bool count_message();
  void throttle();
  void update_reading();  // stops or goes on reading

  // Wraps a service callback so that it runs on this session's loop while the session is open.
  template <typename T, typename F>
  Done<T> back_here(F f) {
    return [self = shared_from_this(), f = std::move(f)](Result<T> result) {
      auto run = [self, f, result = std::move(result)]() mutable {
        if (!self->closed_) {
          f(std::move(result));
        }
      };
      if (self->loop_.on_thread()) {
        run();
      } else {
        self->loop_.post(std::move(run));
      }
    };
  }

  SessionDeps deps_;
  SessionLimits limits_;
  std::shared_ptr<net::WebSocket> socket_;
  net::Executor& loop_;
  std::string server_nonce_;
  std::deque<pb::ToServer> queue_;
  bool busy_ = false;
  bool queue_full_ = false;
  bool throttled_ = false;
  bool paused_ = false;  // reading is stopped, for either reason
  std::int64_t tokens_ = 0;
  Duration tokens_at_{};
  Duration seen_at_{};           // when last_seen was written last, on the clock since boot
  std::uint64_t throttles_ = 0;  // since the burst was last whole
  std::unique_ptr<net::Timer> throttle_timer_;
  bool ending_ = false;  // said goodbye: what still waits or comes is not handled any more
  bool closed_ = false;
  bool hello_came_ = false;
  std::optional<Claim> claim_;                           // set once the hello is verified
  std::optional<crypto::Ed25519PublicKey> machine_key_;  // as claim_
  std::string contact_;                                  // that the Welcome carries
  std::unique_ptr<net::Timer> timer_;
  std::atomic<Duration::rep> last_frame_{0};  // on the clock since boot; read by any thread
  std::uint64_t unknown_messages_ = 0;        // of kinds that this version does not know
};

}  // namespace reachback::server
