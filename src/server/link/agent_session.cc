#include "server/link/agent_session.h"

#include <algorithm>

#include "base/log.h"
#include "crypto/digest.h"
#include "protocol/codec.h"
#include "protocol/signing.h"
#include "server/link/reports.h"

namespace reachback::server {

AgentSession::AgentSession(SessionDeps deps, SessionLimits limits,
                           std::shared_ptr<net::WebSocket> socket, std::string server_nonce)
    : deps_(deps),
      limits_(limits),
      socket_(std::move(socket)),
      loop_(socket_->loop()),
      server_nonce_(std::move(server_nonce)) {}

void AgentSession::start() {
  auto self = shared_from_this();
  heard();
  tokens_at_ = seen_at_ = deps_.clock.since_boot();
  tokens_ = static_cast<std::int64_t>(limits_.message_burst);
  timer_ = loop_.after(limits_.hello_timeout, [weak = weak_from_this()] {
    if (auto s = weak.lock(); s && !s->claim_) {
      s->end("no hello in time", /*permanent=*/false);
    }
  });
  socket_->start([self](std::string_view frame) { self->on_frame(frame); },
                 [self](std::string_view why) { self->on_closed(why); });
}

void AgentSession::send(const std::string& frame) {
  if (closed_) {
    return;
  }
  if (socket_->queued_bytes() + frame.size() > limits_.send_queue_bytes_max) {
    log_warning("agent does not read, session cut", {field("peer", socket_->peer_ip())});
    socket_->close(1008, "not reading");
    return;
  }
  socket_->send(frame);
}

void AgentSession::send(const pb::ToAgent& message) {
  send(protocol::encode(message));
}

void AgentSession::end(std::string_view reason, bool permanent) {
  if (closed_ || ending_) {
    return;
  }
  // What the agent said behind a report that could not be taken must not overtake it.
  ending_ = true;
  queue_.clear();
  pb::ToAgent message;
  message.mutable_goodbye()->set_reason(std::string(reason));
  message.mutable_goodbye()->set_permanent(permanent);
  message.mutable_goodbye()->set_reconnect_hint_ms(1000);
  send(message);
  socket_->close(1000, reason.substr(0, 100));
}

void AgentSession::on_closed(std::string_view why) {
  closed_ = true;
  timer_.reset();
  throttle_timer_.reset();
  queue_.clear();
  if (claim_) {
    deps_.hub.remove(claim_->machine, this);
    deps_.machines.seen(claim_->tenant, claim_->machine, deps_.clock.now(),
                        [](const Result<void>&) {});
    log_info("agent disconnected", {field("machine", claim_->machine.text()), field("why", why),
                                    field("unknown_messages", unknown_messages_)});
  }
}

void AgentSession::on_frame(std::string_view frame) {
  if (ending_) {
    return;
  }
  heard();
  auto message = protocol::decode_to_server(frame);
  // What was asked for is no flood, and does not wait behind reports that go to the disk.
  if (message && deps_.hub.answered(this, *message)) {
    return;
  }
  if (!count_message()) {
    return;
  }
  if (!message) {
    log_warning("bad message from an agent",
                {field("peer", socket_->peer_ip()), field("error", message.error().message)});
    end("bad message: " + message.error().message, /*permanent=*/false);
    return;
  }
  if (claim_ && message->message_case() == pb::ToServer::MESSAGE_NOT_SET) {
    // A newer agent. Ending the session would make it come back with the same for ever.
    if (unknown_messages_++ == 0) {
      log_warning("message of an unknown kind ignored, from a newer agent",
                  {field("machine", claim_->machine.text()), field("bytes", frame.size())});
    }
    return;
  }
  if (message->has_hello() ? hello_came_ : !claim_) {
    end(hello_came_ ? "a second hello, or a message before the welcome"
                    : "the first message must be a hello",
        /*permanent=*/false);
    return;
  }
  hello_came_ = true;
  queue_.push_back(std::move(*message));
  queue_full_ = queue_full_ || queue_.size() >= limits_.queue_pause;
  update_reading();
  next();
}

bool AgentSession::count_message() {
  const Duration now = deps_.clock.since_boot();
  const auto burst = static_cast<std::int64_t>(limits_.message_burst);
  const Duration token = Duration(std::chrono::seconds(1)) / limits_.messages_per_second;
  const std::int64_t earned = (now - tokens_at_) / token;
  tokens_ += earned;
  tokens_at_ += earned * token;
  if (tokens_ >= burst) {
    tokens_ = burst;
    throttles_ = 0;
  }
  --tokens_;
  if (tokens_ >= 0 || throttled_) {
    return true;  // What was read before the pause took hold is handled.
  }
  if (++throttles_ > limits_.throttles_max) {
    log_warning("agent sends too many messages, session cut",
                {field("alarm", "agent_flood"), field("peer", socket_->peer_ip()),
                 field("machine", claim_ ? claim_->machine.text() : "")});
    end("too many messages", /*permanent=*/false);
    return false;
  }
  throttled_ = true;
  update_reading();
  throttle();
  return true;
}

void AgentSession::throttle() {
  throttle_timer_ = loop_.after(limits_.throttle, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || self->closed_) {
      return;
    }
    self->throttled_ = false;
    self->update_reading();
  });
}

void AgentSession::update_reading() {
  const bool stop = queue_full_ || throttled_;
  if (stop == paused_ || closed_) {
    return;
  }
  paused_ = stop;
  if (stop) {
    socket_->pause();
  } else {
    socket_->resume();
  }
}

void AgentSession::next() {
  while (!busy_ && !closed_ && !queue_.empty()) {
    pb::ToServer message = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    handle(message);
  }
  if (queue_full_ && queue_.size() < limits_.queue_pause / 2) {
    queue_full_ = false;
    update_reading();
  }
}

void AgentSession::handled() {
  busy_ = false;
  next();
}

void AgentSession::handle(const pb::ToServer& m) {
  auto self = shared_from_this();
  auto done = [self] { self->handled(); };
  switch (m.message_case()) {
    case pb::ToServer::kHello:
      on_hello(m.hello());
      return;
    case pb::ToServer::kHeartbeat:
      on_heartbeat(m.heartbeat());
      return;
    case pb::ToServer::kOrderReceived:
      on_order_received(m.order_received());
      return;
    case pb::ToServer::kOrderRefused:
      on_order_refused(m.order_refused());
      return;
    case pb::ToServer::kContactKept:
      on_contact_kept(m.contact_kept());
      return;
    case pb::ToServer::kOrderKeysKept:
      on_order_keys_kept(m.order_keys_kept());
      return;
    case pb::ToServer::kNotStarted:
      report(m.not_started().action(), m.not_started().epoch(),
             action::NotStarted{m.not_started().epoch(), claim_->generation}, done);
      return;
    case pb::ToServer::kCancelConfirmed:
      report(m.cancel_confirmed().action(), m.cancel_confirmed().epoch(),
             action::CancelConfirmed{m.cancel_confirmed().epoch(), claim_->generation}, done);
      return;
    case pb::ToServer::kCommandStarted:
      report(m.command_started().action(), m.command_started().epoch(),
             action::CommandStarted{m.command_started().epoch(), m.command_started().index(),
                                    from_micros(m.command_started().at_us())},
             done);
      return;
    case pb::ToServer::kCommandEnded:
      on_command_ended(m.command_ended());
      return;
    case pb::ToServer::kUploadRequest:
      on_upload_request(m.upload_request());
      return;
    case pb::ToServer::kOutputPiece:  // not asked for any more, as the next
    case pb::ToServer::kTerminalTaken:
    case pb::ToServer::MESSAGE_NOT_SET:
      handled();
      return;
  }
}

void AgentSession::on_hello(const pb::Hello& hello) {
  auto body = protocol::verify_hello(hello, server_nonce_, socket_->tls_exporter());
  if (!body) {
    log_warning("hello refused",
                {field("peer", socket_->peer_ip()), field("error", body.error().message)});
    end("hello refused: " + body.error().message, /*permanent=*/false);
    return;
  }
  MachineId id = protocol::machine_id_of(body->public_key());
  deps_.machines.find(
      id, back_here<Machine>([this, id, body = *body](Result<Machine> machine) {
        if (!machine && machine.error().code != Errc::not_found) {
          end("try again later", /*permanent=*/false);
          return;
        }
        if (!machine || machine->revoked || machine->public_key != body.public_key()) {
          log_warning("unknown machine",
                      {field("machine", id.text()), field("peer", socket_->peer_ip())});
          end("this machine is not enrolled here", /*permanent=*/true);
          return;
        }
        welcome(std::move(*machine), body);
      }));
}

void AgentSession::welcome(Machine machine, const pb::Hello::Body& body) {
  const std::string& last = body.last_contact();
  if (!body.life().empty() && machine.life == body.life() && machine.attempt > body.attempt()) {
    end("a later connection of this agent has been here", /*permanent=*/false);
    return;
  }
  // The newest one sent may be unknown to the machine, when its Welcome was lost; anything older
  // than the newest one confirmed is another machine's, or another time's.
  if (machine.confirmed_contact && last != machine.contact && last != *machine.confirmed_contact) {
    if (machine.quarantine) {
      send_away();
    } else {
      quarantine(machine.tenant, machine.id, "an older contact came back");
    }
    return;
  }
  MachineContact contact;
  static_cast<MachineFacts&>(contact) = facts_of(body, socket_->peer_ip());
  contact.generation = *JournalGeneration::from_bytes(body.generation());
  contact.contact = contact_ = deps_.random.bytes(16);
  contact.last_contact = last;
  contact.replaces = machine.contact;
  contact.in_quarantine = machine.quarantine.has_value();
  contact.life = body.life();
  contact.attempt = body.attempt();
  contact.order_keys_version = std::max<std::uint64_t>(body.order_keys_version(), 1);
  if (machine.generation && *machine.generation != contact.generation) {
    log_warning("agent identity reset: a new journal", {field("machine", machine.id.text())});
  }
  Claim claim;
  claim.tenant = machine.tenant;
  claim.machine = machine.id;
  claim.generation = contact.generation;
  claim.session = body.nonce();
  claim.life = body.life();
  claim.attempt = body.attempt();
  claim.order_keys_version = contact.order_keys_version;
  claim.since = deps_.clock.now();
  auto key = crypto::Ed25519PublicKey::from_spki(machine.public_key);
  machine_key_ = key.ok() ? std::optional(std::move(*key)) : std::nullopt;
  pb::ToAgent message;
  auto& w = *message.mutable_welcome();
  w.set_machine(std::string(machine.id.bytes()));
  w.set_contact(contact.contact);
  w.set_heartbeat_ms(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(limits_.heartbeat).count()));
  w.set_reconnect_hint_ms(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(limits_.reconnect_hint).count()));
  const bool in_quarantine = machine.quarantine.has_value();
  deps_.machines.connected(
      machine.tenant, machine.id, std::move(contact), deps_.clock.now(),
      back_here<void>([this, claim, message, in_quarantine](const Result<void>& stored) {
        if (!stored) {
          end(stored.error().code == Errc::conflict
                  ? "another session of this machine was there first"
                  : "try again later",
              /*permanent=*/false);
          return;
        }
        claim_ = claim;
        socket_->trust();
        send(message);
        deps_.hub.add(claim, in_quarantine, shared_from_this());
        log_info("agent connected",
                 {field("machine", claim.machine.text()), field("peer", socket_->peer_ip()),
                  field("quarantine", in_quarantine)});
        announce_order_keys();
        watch_silence();
        handled();
      }));
}

void AgentSession::watch_silence() {
  timer_ = loop_.after(limits_.silence_max, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || self->closed_) {
      return;
    }
    if (self->silence() >= self->limits_.silence_max) {
      self->socket_->close(1001, "silent for too long");
      return;
    }
    self->watch_silence();
  });
}

Duration AgentSession::silence() const {
  return deps_.clock.since_boot() - Duration(last_frame_.load());
}

void AgentSession::heard() {
  last_frame_ = deps_.clock.since_boot().count();
}

void AgentSession::on_heartbeat(const pb::Heartbeat& m) {
  deps_.hub.heartbeat(claim_->machine, this, m.seq());
  if (const Duration now = deps_.clock.since_boot(); now - seen_at_ >= limits_.seen_every) {
    seen_at_ = now;
    deps_.machines.seen(claim_->tenant, claim_->machine, deps_.clock.now(),
                        [](const Result<void>&) {});
  }
  // Level-triggered: whatever a lost hint left behind is found here.
  deps_.live_response.dispatch(claim_->tenant, claim_->machine);
  handled();
}

void AgentSession::report(std::string_view action_bytes, std::uint64_t epoch, action::Event event,
                          std::function<void()> then) {
  ActionId id = *ActionId::from_bytes(action_bytes);
  deps_.live_response.agent_event(
      claim_->tenant, claim_->machine, id, std::move(event),
      back_here<action::Verdict>([this, epoch, id,
                                  then = std::move(then)](const Result<action::Verdict>& verdict) {
        if (!verdict &&
            (verdict.error().code == Errc::not_found || verdict.error().code == Errc::conflict)) {
          forget(id.bytes(), epoch, verdict.error().message);
        } else if (!verdict) {
          // Nobody repeats it on this session.
          end("try again later", /*permanent=*/false);
        }
        then();
      }));
}

void AgentSession::on_command_ended(const pb::CommandEnded& m) {
  auto event = command_ended(m);
  if (!event) {
    end("bad report: " + event.error().message, /*permanent=*/false);
    return;
  }
  event->receipt = checked_receipt(m);
  ActionId id = *ActionId::from_bytes(m.action());
  std::uint64_t epoch = m.epoch();
  std::uint32_t index = m.index();
  deps_.live_response.agent_event(
      claim_->tenant, claim_->machine, id, std::move(*event),
      back_here<action::Verdict>([this, id, epoch, index](const Result<action::Verdict>& verdict) {
        if (verdict) {
          pb::ToAgent ack;
          ack.mutable_report_acknowledged()->set_action(std::string(id.bytes()));
          ack.mutable_report_acknowledged()->set_epoch(epoch);
          ack.mutable_report_acknowledged()->set_index(index);
          send(ack);
        } else if (verdict.error().code == Errc::mismatch) {
          pb::ToAgent again;
          again.mutable_upload_again()->set_action(std::string(id.bytes()));
          again.mutable_upload_again()->set_epoch(epoch);
          again.mutable_upload_again()->set_index(index);
          send(again);
        } else if (verdict.error().code == Errc::not_found ||
                   verdict.error().code == Errc::conflict) {
          forget(id.bytes(), epoch, verdict.error().message);
        } else {
          // The store cannot take it now: the agent keeps it and reports again after reconnecting.
          end("try again later", /*permanent=*/false);
        }
        handled();
      }));
}

void AgentSession::on_upload_request(const pb::UploadRequest& m) {
  Upload upload;
  upload.epoch = m.epoch();
  upload.index = m.index();
  upload.kind = static_cast<UploadKind>(m.kind());
  upload.bytes = m.bytes();
  pb::ToAgent answer;
  auto& grant = *answer.mutable_upload_grant();
  grant.set_action(m.action());
  grant.set_epoch(m.epoch());
  grant.set_index(m.index());
  grant.set_kind(m.kind());
  deps_.live_response.upload_link(
      claim_->tenant, claim_->machine, *ActionId::from_bytes(m.action()), upload,
      back_here<std::string>([this, answer](Result<std::string> url) mutable {
        if (!url && url.error().code == Errc::unavailable) {
          end("try again later", /*permanent=*/false);
          handled();
          return;
        }
        if (url) {
          answer.mutable_upload_grant()->set_url(*url);
        } else {
          answer.mutable_upload_grant()->set_error(url.error().message);
        }
        send(answer);
        handled();
      }));
}

void AgentSession::forget(std::string_view action_bytes, std::uint64_t epoch,
                          std::string_view reason) {
  pb::ToAgent message;
  message.mutable_forget_action()->set_action(std::string(action_bytes));
  message.mutable_forget_action()->set_epoch(epoch);
  message.mutable_forget_action()->set_reason(std::string(reason));
  send(message);
}

}  // namespace reachback::server
