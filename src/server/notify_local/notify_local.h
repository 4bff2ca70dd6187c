// Hints within one process: each is delivered at once, on the caller's thread.
#pragma once

#include "server/ports/links.h"

namespace reachback::server {

class LocalNotifier : public Notifier {
 public:
  void machine_hint(const TenantId& tenant, const MachineId& machine) override {
    if (on_machine_) {
      on_machine_(tenant, machine);
    }
  }
  void action_hint(const TenantId& tenant, const ActionId& action) override {
    if (on_action_) {
      on_action_(tenant, action);
    }
    if (on_end_) {
      on_end_();
    }
  }
  void listen(std::function<void(TenantId, MachineId)> on_machine,
              std::function<void(TenantId, ActionId)> on_action) override {
    on_machine_ = std::move(on_machine);
    on_action_ = std::move(on_action);
  }

  // Told after every action_hint(). Before the first one.
  void on_end(std::function<void()> told) { on_end_ = std::move(told); }

 private:
  std::function<void(TenantId, MachineId)> on_machine_;
  std::function<void(TenantId, ActionId)> on_action_;
  std::function<void()> on_end_;
};

}  // namespace reachback::server
