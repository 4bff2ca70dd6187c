// The supervisor port in the network process: every call becomes a frame. A call that has an answer
// waits for it, and the supervisor never waits for the network process, so that it comes. Loop
// thread only.
#pragma once

#include <deque>
#include <functional>

#include "agent/ports/supervisor.h"
#include "agent/seam/channel.h"
#include "protocol/seam_messages.h"

namespace reachback::agent {

class SeamProxy : public Supervisor {
 public:
  // on_gone: the supervisor has ended, or speaks nonsense: there is nothing left to do. May be
  // called inside any call. The channel sends without queueing.
  SeamProxy(Channel& channel, Events& events, std::function<void(const std::string&)> on_gone);
  // Begins to listen for what the supervisor sends by itself.
  void start();

  pb::Hello begin_session(const Challenge& challenge,
                          std::function<void(pb::ToServer)> send) override;
  std::uint64_t next_heartbeat() override;
  void end_session() override;
  void deliver(const pb::ToAgent& message, std::vector<Fd> files) override;
  Result<Fd> open_spool(const pb::UploadRequest& request) override;
  void uploaded(const pb::UploadRequest& request, const std::string& blob_name) override;

  void ready(const pb::SeamReady& level);
  void dismissed(const std::string& why);
  void idle();

 private:
  struct Answer {
    pb::SeamToNetwork message;
    std::vector<Fd> files;
  };
  void tell(const pb::SeamToSupervisor& message, std::vector<Fd> files = {});
  // The answer of this kind; a default one when the supervisor is gone.
  Answer ask(const pb::SeamToSupervisor& question, pb::SeamToNetwork::MessageCase kind);
  void on_readable();
  void hand_out();
  void lose(const std::string& why);

  Channel& channel_;
  Events& events_;
  std::function<void(const std::string&)> on_gone_;
  std::unique_ptr<Events::Handle> watch_;
  std::function<void(pb::ToServer)> send_;
  std::deque<pb::ToServer> waiting_;  // that came while an answer was waited for
  bool gone_ = false;
};

}  // namespace reachback::agent
