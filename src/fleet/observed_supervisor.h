// A supervisor as its session sees it, with everything counted that passes, and orders held back
// while the process has no descriptors for them. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "agent/ports/supervisor.h"
#include "fleet/descriptors.h"
#include "fleet/rumours.h"
#include "fleet/stats.h"

namespace reachback::fleet {

class ObservedSupervisor : public agent::Supervisor {
 public:
  // All outlive it. settled: each time a connection has come to its welcome, or to its end without.
  ObservedSupervisor(agent::Supervisor& inner, const MachineId& machine, Stats& stats,
                     Rumours& rumours, const Clock& clock, DescriptorBudget& budget,
                     std::function<void()> settled);
  ~ObservedSupervisor() override;

  pb::Hello begin_session(const agent::Challenge& challenge,
                          std::function<void(pb::ToServer)> send) override;
  std::uint64_t next_heartbeat() override { return inner_.next_heartbeat(); }
  void end_session() override;
  void deliver(const pb::ToAgent& message, std::vector<Fd> files) override;
  Result<Fd> open_spool(const pb::UploadRequest& request) override {
    return inner_.open_spool(request);
  }
  void uploaded(const pb::UploadRequest& request, const std::string& blob_name) override {
    inner_.uploaded(request, blob_name);
  }

 private:
  struct Open {
    Duration since{};
    std::uint32_t last_index = 0;  // whose report ends the action, unless an earlier one failed
  };
  void on_order(const pb::ToAgent& message, std::vector<Fd> files);
  void on_said(const pb::ToServer& message);
  void on_acknowledged(const pb::ReportAcknowledged& message);
  // False: it was not open.
  bool close(const std::string& action);

  agent::Supervisor& inner_;
  const MachineId machine_;
  Stats& stats_;
  Rumours& rumours_;
  const Clock& clock_;
  DescriptorBudget& budget_;
  std::function<void()> settled_;
  std::map<std::string, Open> open_;  // orders without an end, by action
  bool welcomed_ = false;
  bool was_welcomed_ = false;  // ever
};

}  // namespace reachback::fleet
