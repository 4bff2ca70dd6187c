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
  }
  void listen(std::function<void(TenantId, MachineId)> on_machine,
              std::function<void(TenantId, ActionId)> on_action) override {
    on_machine_ = std::move(on_machine);
    on_action_ = std::move(on_action);
  }

 private:
  std::function<void(TenantId, MachineId)> on_machine_;
  std::function<void(TenantId, ActionId)> on_action_;
};

}  // namespace reachback::server
