#include "agent/session/session.h"

#include <time.h>

#include "agent/session/backoff.h"
#include "agent/session/downloads.h"
#include "agent/session/uploads.h"
#include "base/log.h"
#include "net/web_socket.h"
#include "protocol/codec.h"

namespace reachback::agent {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(15);
constexpr Duration kWelcomeTimeout = std::chrono::seconds(15);
constexpr const char* kPath = "/agent/v1/session";
constexpr std::uint16_t kNormalClosure = 1000;

std::optional<Timestamp> parse_date(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') {
    return std::nullopt;
  }
  return Timestamp(std::chrono::seconds(::timegm(&parts)));
}

std::string url_of(const net::Origin& server) {
  const bool is_v6 = server.host.find(':') != std::string::npos && server.host.front() != '[';
  const std::string host = is_v6 ? "[" + server.host + "]" : server.host;
  return std::string(server.scheme == "http" ? "ws" : "wss") + "://" + host + ":" + server.port +
         kPath;
}

}  // namespace

struct Session::State : std::enable_shared_from_this<Session::State> {
  explicit State(SessionDeps d)
      : deps(std::move(d)),
        backoff(deps.random),
        uploads(
            deps.network, deps.server, deps.random, deps.supervisor,
            [this](const pb::UploadRequest& request) {
              pb::ToServer out;
              *out.mutable_upload_request() = request;
              send(out);
            },
            [this] { deps.on_idle(); }),
        downloads(deps.network, deps.server, deps.random,
                  [this](const pb::ToAgent& order, std::vector<Fd> files) {
                    if (!stopped) {
                      deps.supervisor.deliver(order, std::move(files));
                    }
                  }) {}

  SessionDeps deps;
  Backoff backoff;
  Uploads uploads;
  Downloads downloads;
  std::shared_ptr<net::WebSocket> socket;
  std::uint64_t round = 0;  // callbacks of an earlier connection are not listened to
  bool welcomed = false;
  bool stopped = false;
  Duration heartbeat{};
  Duration hint{};
  std::unique_ptr<net::Timer> timer;       // the next connection, or the next heartbeat
  std::unique_ptr<net::Timer> impatience;  // for the welcome

  void send(const pb::ToServer& message) {
    if (socket) {
      socket->send(protocol::encode(message));
    }
  }

  void connect() {
    const std::uint64_t this_round = ++round;
    deps.network.web_socket(
        url_of(deps.server), {}, kConnectTimeout,
        [weak = weak_from_this(), this_round](Result<net::WebSocketAnswer> answer) {
          auto self = weak.lock();
          if (self && !self->stopped && self->round == this_round) {
            self->on_connected(std::move(answer));
          }
        });
  }

  void connect_later(const std::string& why) {
    socket.reset();
    impatience.reset();
    ++round;
    uploads.session_lost();
    deps.supervisor.end_session();
    welcomed = false;
    if (stopped) {
      return;
    }
    const Duration wait = backoff.next(hint);
    log_warning("not connected", {field("why", why), field("again_in_ms", wait.count() / 1000)});
    timer = deps.network.loop().after(wait, [weak = weak_from_this()] {
      if (auto self = weak.lock()) {
        self->connect();
      }
    });
  }

  void on_connected(Result<net::WebSocketAnswer> answer) {
    if (!answer.ok()) {
      connect_later(answer.error().message);
      return;
    }
    const auto header = answer->headers.get("Reachback-Challenge");
    const auto nonce = from_base64url(header.value_or(""));
    if (!nonce || nonce->size() != 32) {
      answer->socket->start([](std::string_view) {}, [](std::string_view) {});
      answer->socket->close(kNormalClosure, "no challenge");
      connect_later("the server sent no challenge: is this the agents' listener?");
      return;
    }
    socket = std::move(answer->socket);
    const std::uint64_t this_round = round;
    socket->start(
        [weak = weak_from_this(), this_round](std::string_view frame) {
          auto self = weak.lock();
          if (self && self->round == this_round) {
            self->on_frame(frame);
          }
        },
        [weak = weak_from_this(), this_round](std::string_view why) {
          auto self = weak.lock();
          if (self && self->round == this_round) {
            self->connect_later(why.empty() ? "the connection was closed" : std::string(why));
          }
        });
    Challenge challenge;
    challenge.server_nonce = *nonce;
    challenge.exporter = socket->tls_exporter();
    if (auto date = answer->headers.get("Date")) {
      challenge.server_time = parse_date(*date);
    }
    pb::ToServer hello;
    *hello.mutable_hello() = deps.supervisor.begin_session(
        challenge, [weak = weak_from_this(), this_round](const pb::ToServer& message) {
          auto self = weak.lock();
          if (!self || self->round != this_round) {
            return;
          }
          if (message.has_upload_request()) {
            self->uploads.requested(message.upload_request());
            return;
          }
          self->send(message);
          if (message.has_command_started()) {
            self->uploads.expect_upload();
          }
        });
    send(hello);
    impatience = deps.network.loop().after(kWelcomeTimeout, [weak = weak_from_this()] {
      if (auto self = weak.lock()) {
        self->close("no welcome in time");
      }
    });
  }

  // Closes and connects again.
  void close(const std::string& why) {
    auto old = std::move(socket);
    if (old) {
      old->close(kNormalClosure, "");
    }
    connect_later(why);
  }

  void beat_later() {
    const auto range = static_cast<std::uint64_t>(heartbeat.count() * 2 / 5);
    const Duration wait =
        heartbeat * 4 / 5 + Duration(static_cast<std::int64_t>(deps.random.below(range + 1)));
    timer = deps.network.loop().after(wait, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self || !self->socket) {
        return;
      }
      if (self->socket->queued_bytes() > 0) {
        // The last heartbeat has not left in a whole interval: nobody takes it.
        self->close("the connection does not move");
        return;
      }
      pb::ToServer beat;
      beat.mutable_heartbeat()->set_seq(self->deps.supervisor.next_heartbeat());
      self->send(beat);
      self->beat_later();
    });
  }

  void on_frame(std::string_view frame) {
    auto message = protocol::decode_to_agent(frame);
    if (!message.ok()) {
      log_warning("message dropped", {field("why", message.error().message)});
      return;
    }
    switch (message->message_case()) {
      case pb::ToAgent::kWelcome:
        on_welcome(*message);
        return;
      case pb::ToAgent::kGoodbye:
        on_goodbye(message->goodbye());
        return;
      case pb::ToAgent::kUploadGrant:
        uploads.granted(message->upload_grant());
        return;
      case pb::ToAgent::kUploadAgain:
        uploads.wanted_again(message->upload_again(),
                             [this, again = *message] { deps.supervisor.deliver(again, {}); });
        return;
      case pb::ToAgent::kReportAcknowledged:
        uploads.acknowledged();
        break;
      case pb::ToAgent::kExecuteOrder:
        if (Downloads::needed(message->execute_order())) {
          downloads.fetch(*message);
          return;
        }
        break;
      case pb::ToAgent::MESSAGE_NOT_SET:
        log_info("message of an unknown kind ignored, from a newer server");
        return;
      default:
        break;
    }
    if (welcomed) {
      deps.supervisor.deliver(*message, {});
    }
  }

  void on_welcome(const pb::ToAgent& message) {
    const auto& welcome = message.welcome();
    impatience.reset();
    if (welcomed) {
      return;
    }
    welcomed = true;
    backoff.reset();
    hint = std::chrono::milliseconds(welcome.reconnect_hint_ms());
    heartbeat = std::chrono::milliseconds(welcome.heartbeat_ms());
    beat_later();
    deps.on_connected(*MachineId::from_bytes(welcome.machine()));
    deps.supervisor.deliver(message, {});
    deps.on_idle();
  }

  void on_goodbye(const pb::Goodbye& goodbye) {
    hint = std::chrono::milliseconds(goodbye.reconnect_hint_ms());
    if (!goodbye.permanent()) {
      close("the server said goodbye: " + goodbye.reason());
      return;
    }
    stopped = true;
    close(goodbye.reason());
    deps.on_dismissed(goodbye.reason());
  }
};

Session::Session(SessionDeps deps) : state_(std::make_shared<State>(std::move(deps))) {}

Session::~Session() {
  stop();
}

void Session::start() {
  state_->connect();
}

void Session::stop() {
  state_->stopped = true;
  ++state_->round;
  state_->timer.reset();
  state_->impatience.reset();
  if (auto socket = std::move(state_->socket)) {
    socket->close(kNormalClosure, "");
  }
}

}  // namespace reachback::agent
