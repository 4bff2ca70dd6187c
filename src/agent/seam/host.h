// The supervisor's side of the seam: turns the frames of one network process into calls of the
// port. The process is taken as hostile: whatever it sends that is not a frame within its bounds
// ends it, and no answer waits for it. Loop thread only.
#pragma once

#include <functional>

#include "agent/ports/supervisor.h"
#include "agent/seam/channel.h"
#include "protocol/seam_messages.h"

namespace reachback::agent {

struct SeamListener {
  std::function<void(const pb::SeamReady&)> on_ready;
  std::function<void(const std::string& why)> on_dismissed;
  std::function<void()> on_idle;
  // The process has ended or is to be ended: nothing more is heard of it. May destroy the host.
  std::function<void(const Error&)> on_lost;
};

class SeamHost {
 public:
  SeamHost(Fd socket, const pb::SeamSetup& setup, Supervisor& supervisor, Events& events,
           SeamListener listener);
  // Ends the session that this process held.
  ~SeamHost();
  SeamHost(const SeamHost&) = delete;
  SeamHost& operator=(const SeamHost&) = delete;

 private:
  void on_readable();
  Result<void> handle(const pb::SeamToSupervisor& message, std::vector<Fd> files);
  Result<void> deliver(const pb::SeamDelivery& message, std::vector<Fd> files);
  Result<void> answer(const pb::SeamToNetwork& message, std::vector<Fd> files = {});
  void lose(const Error& error);

  Channel channel_;
  Supervisor& supervisor_;
  Events& events_;
  SeamListener listener_;
  bool ready_ = false;
  bool in_session_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<Events::Handle> watch_;
};

}  // namespace reachback::agent
