#include "agent/seam/proxy.h"

#include "protocol/seam_codec.h"

namespace reachback::agent {

SeamProxy::SeamProxy(Channel& channel, Events& events,
                     std::function<void(const std::string&)> on_gone)
    : channel_(channel), events_(events), on_gone_(std::move(on_gone)) {}

void SeamProxy::start() {
  watch_ = events_.watch_readable(channel_.fd(), [this] { on_readable(); });
}

void SeamProxy::lose(const std::string& why) {
  if (!gone_) {
    gone_ = true;
    watch_.reset();
    send_ = nullptr;
    on_gone_(why);
  }
}

void SeamProxy::tell(const pb::SeamToSupervisor& message, std::vector<Fd> files) {
  if (gone_) {
    return;
  }
  if (auto sent = channel_.send(message.SerializeAsString(), std::move(files)); !sent.ok()) {
    lose(sent.error().message);
  }
}

SeamProxy::Answer SeamProxy::ask(const pb::SeamToSupervisor& question,
                                 pb::SeamToNetwork::MessageCase kind) {
  tell(question);
  while (!gone_) {
    auto frame = channel_.wait();
    auto message = frame.ok() ? protocol::decode_seam_to_network(frame->payload)
                              : Result<pb::SeamToNetwork>(frame.error());
    if (!message.ok()) {
      lose(message.error().message);
    } else if (message->message_case() == kind) {
      if (!waiting_.empty() || channel_.has_bytes()) {
        events_.post([this] { on_readable(); });
      }
      return {std::move(*message), std::move(frame->files)};
    } else if (message->has_send()) {
      waiting_.push_back(*protocol::decode_to_server(message->send()));
    } else {
      lose("seam: an answer to no question");
    }
  }
  return {};
}

void SeamProxy::on_readable() {
  while (!gone_) {
    hand_out();
    auto frame = channel_.read();
    if (frame.ok() && !*frame) {
      return;
    }
    auto message = frame.ok() ? protocol::decode_seam_to_network((*frame)->payload)
                              : Result<pb::SeamToNetwork>(frame.error());
    if (!message.ok()) {
      lose(message.error().message);
    } else if (!message->has_send()) {
      lose("seam: an answer to no question");
    } else {
      waiting_.push_back(*protocol::decode_to_server(message->send()));
    }
  }
}

void SeamProxy::hand_out() {
  while (!waiting_.empty()) {
    const pb::ToServer message = std::move(waiting_.front());
    waiting_.pop_front();
    if (send_) {
      send_(message);
    }
  }
}

pb::Hello SeamProxy::begin_session(const Challenge& challenge,
                                   std::function<void(pb::ToServer)> send) {
  pb::SeamToSupervisor question;
  auto* m = question.mutable_begin_session();
  m->set_server_nonce(challenge.server_nonce);
  m->set_exporter(challenge.exporter);
  if (challenge.server_time) {
    m->set_has_server_time(true);
    m->set_server_time_us(to_micros(*challenge.server_time));
  }
  const Answer answer = ask(question, pb::SeamToNetwork::kHello);
  // What came before the answer was for the session before.
  waiting_.clear();
  send_ = gone_ ? nullptr : std::move(send);
  pb::Hello hello;
  static_cast<void>(hello.ParseFromString(answer.message.hello()));
  return hello;
}

std::uint64_t SeamProxy::next_heartbeat() {
  pb::SeamToSupervisor question;
  question.mutable_next_heartbeat();
  const std::uint64_t number = ask(question, pb::SeamToNetwork::kHeartbeat).message.heartbeat();
  // The server takes what was not said before the first heartbeat for unknown to this agent.
  hand_out();
  return number;
}

void SeamProxy::end_session() {
  send_ = nullptr;
  pb::SeamToSupervisor message;
  message.mutable_end_session();
  tell(message);
}

void SeamProxy::deliver(const pb::ToAgent& message, std::vector<Fd> files) {
  pb::SeamToSupervisor out;
  out.mutable_deliver()->set_message(protocol::encode(message));
  std::vector<Fd> present;
  for (Fd& file : files) {
    out.mutable_deliver()->add_has_file(file.valid());
    if (file.valid()) {
      present.push_back(std::move(file));
    }
  }
  tell(out, std::move(present));
}

Result<Fd> SeamProxy::open_spool(const pb::UploadRequest& request) {
  pb::SeamToSupervisor question;
  question.set_open_spool(protocol::encode(request));
  Answer answer = ask(question, pb::SeamToNetwork::kSpool);
  if (answer.files.size() != 1) {
    const std::string& why = answer.message.spool().error();
    return Error{Errc::not_found, why.empty() ? "spool: the supervisor has ended" : why};
  }
  return std::move(answer.files[0]);
}

void SeamProxy::uploaded(const pb::UploadRequest& request, const std::string& blob_name) {
  pb::SeamToSupervisor message;
  message.mutable_uploaded()->set_request(protocol::encode(request));
  message.mutable_uploaded()->set_blob(blob_name);
  tell(message);
}

void SeamProxy::ready(const pb::SeamReady& level) {
  pb::SeamToSupervisor message;
  *message.mutable_ready() = level;
  tell(message);
}

void SeamProxy::dismissed(const std::string& why) {
  pb::SeamToSupervisor message;
  message.set_dismissed(why.substr(0, protocol::kReasonBytesMax));
  tell(message);
}

void SeamProxy::idle() {
  pb::SeamToSupervisor message;
  message.mutable_idle();
  tell(message);
}

}  // namespace reachback::agent
