#include "agent/seam/host.h"

#include "agent/ports/memory_file.h"
#include "protocol/seam_codec.h"

namespace reachback::agent {
namespace {

// So that timers and scripts have their turn whatever the network process sends.
constexpr int kFramesATurn = 32;
// A library file is at most 20 MB in MDE; the session fetches nothing larger than this.
constexpr std::uint64_t kScriptBytesMax = 64 << 20;

// Only a memory file that nobody can change any more, of a size that is worth reading: not a pipe
// that never answers, nor a file that its writer still holds. Not valid: counts as not fetched.
Fd checked(Fd file) {
  if (!seal_memory_file(file.get()).ok()) {
    return {};
  }
  const auto bytes = file_bytes(file.get());
  return bytes.ok() && *bytes <= kScriptBytesMax ? std::move(file) : Fd();
}

}  // namespace

SeamHost::SeamHost(Fd socket, const pb::SeamSetup& setup, Supervisor& supervisor, Events& events,
                   SeamListener listener)
    : channel_(std::move(socket), &events),
      supervisor_(supervisor),
      events_(events),
      listener_(std::move(listener)) {
  pb::SeamToNetwork first;
  *first.mutable_setup() = setup;
  static_cast<void>(answer(first));  // A process that is gone already is noticed by read().
  watch_ = events_.watch_readable(channel_.fd(), [this] { on_readable(); });
}

SeamHost::~SeamHost() {
  *alive_ = false;
  if (in_session_) {
    supervisor_.end_session();
  }
}

void SeamHost::lose(const Error& error) {
  watch_.reset();
  if (std::exchange(in_session_, false)) {
    supervisor_.end_session();
  }
  listener_.on_lost(error);
}

void SeamHost::on_readable() {
  for (int i = 0; i < kFramesATurn; ++i) {
    auto frame = channel_.read();
    if (!frame.ok()) {
      lose(frame.error());
      return;
    }
    if (!*frame) {
      return;
    }
    auto message = protocol::decode_seam_to_supervisor((*frame)->payload);
    const auto alive = alive_;
    auto handled =
        message.ok() ? handle(*message, std::move((*frame)->files)) : Result<void>(message.error());
    if (!*alive || !watch_) {
      return;
    }
    if (!handled.ok()) {
      lose(handled.error());
      return;
    }
  }
  if (channel_.has_bytes()) {
    events_.post([this, alive = alive_] {
      if (*alive && watch_) {
        on_readable();
      }
    });
  }
}

Result<void> SeamHost::handle(const pb::SeamToSupervisor& message, std::vector<Fd> files) {
  if (!files.empty() && !message.has_deliver()) {
    return Error{Errc::protocol, "seam: files that nothing asks for"};
  }
  if (message.has_ready() == ready_) {  // Once, and before anything else.
    return Error{Errc::protocol, "seam: not the time for this message"};
  }
  pb::SeamToNetwork out;
  switch (message.message_case()) {
    case pb::SeamToSupervisor::kReady:
      ready_ = true;
      listener_.on_ready(message.ready());
      return {};
    case pb::SeamToSupervisor::kBeginSession: {
      const auto& m = message.begin_session();
      Challenge challenge{m.server_nonce(), m.exporter(), std::nullopt};
      if (m.has_server_time()) {
        challenge.server_time = from_micros(m.server_time_us());
      }
      in_session_ = true;
      const pb::Hello hello =
          supervisor_.begin_session(challenge, [this](const pb::ToServer& for_server) {
            pb::SeamToNetwork to_send;
            to_send.set_send(protocol::encode(for_server));
            if (auto sent = answer(to_send); !sent.ok()) {
              // Not inside the supervisor's own call.
              events_.post([this, alive = alive_, error = sent.error()] {
                if (*alive && watch_) {
                  lose(error);
                }
              });
            }
          });
      out.set_hello(hello.SerializeAsString());
      return answer(out);
    }
    case pb::SeamToSupervisor::kNextHeartbeat:
      out.set_heartbeat(supervisor_.next_heartbeat());
      return answer(out);
    case pb::SeamToSupervisor::kEndSession:
      in_session_ = false;
      supervisor_.end_session();
      return {};
    case pb::SeamToSupervisor::kDeliver:
      return deliver(message.deliver(), std::move(files));
    case pb::SeamToSupervisor::kOpenSpool: {
      auto file = supervisor_.open_spool(*protocol::decode_upload_request(message.open_spool()));
      if (!file.ok()) {
        out.mutable_spool()->set_error(file.error().message.substr(0, protocol::kReasonBytesMax));
        return answer(out);
      }
      out.mutable_spool();
      files.push_back(std::move(*file));
      return answer(out, std::move(files));
    }
    case pb::SeamToSupervisor::kUploaded:
      supervisor_.uploaded(*protocol::decode_upload_request(message.uploaded().request()),
                           message.uploaded().blob());
      return {};
    case pb::SeamToSupervisor::kDismissed:
      listener_.on_dismissed(message.dismissed());
      return {};
    case pb::SeamToSupervisor::kIdle:
      listener_.on_idle();
      return {};
    case pb::SeamToSupervisor::MESSAGE_NOT_SET:
      break;
  }
  return Error{Errc::protocol, "seam: no message"};
}

Result<void> SeamHost::deliver(const pb::SeamDelivery& message, std::vector<Fd> files) {
  if (!in_session_) {
    return Error{Errc::protocol, "seam: a message without a session"};
  }
  std::vector<Fd> by_command;
  std::size_t next = 0;
  for (const bool present : message.has_file()) {
    if (present && next == files.size()) {
      return Error{Errc::protocol, "seam: fewer files than announced"};
    }
    by_command.push_back(present ? checked(std::move(files[next++])) : Fd());
  }
  if (next != files.size()) {
    return Error{Errc::protocol, "seam: more files than announced"};
  }
  supervisor_.deliver(*protocol::decode_to_agent(message.message()), std::move(by_command));
  return {};
}

Result<void> SeamHost::answer(const pb::SeamToNetwork& message, std::vector<Fd> files) {
  return channel_.send(message.SerializeAsString(), std::move(files));
}

}  // namespace reachback::agent
