#include "fleet/observed_supervisor.h"

#include <memory>

#include "protocol/codec.h"

namespace reachback::fleet {

ObservedSupervisor::ObservedSupervisor(agent::Supervisor& inner, const MachineId& machine,
                                       Stats& stats, Rumours& rumours, const Clock& clock,
                                       DescriptorBudget& budget, std::function<void()> settled)
    : inner_(inner),
      machine_(machine),
      stats_(stats),
      rumours_(rumours),
      clock_(clock),
      budget_(budget),
      settled_(std::move(settled)) {}

ObservedSupervisor::~ObservedSupervisor() {
  budget_.forget(this);
  while (!open_.empty()) {
    close(std::string(open_.begin()->first));
  }
  if (welcomed_) {
    --stats_.connected;
  }
}

pb::Hello ObservedSupervisor::begin_session(const agent::Challenge& challenge,
                                            std::function<void(pb::ToServer)> send) {
  return inner_.begin_session(challenge, [this, send = std::move(send)](pb::ToServer message) {
    on_said(message);
    send(std::move(message));
  });
}

void ObservedSupervisor::end_session() {
  // Orders that still wait here are said again to the next session, which then takes them up.
  budget_.forget(this);
  if (std::exchange(welcomed_, false)) {
    --stats_.connected;
  }
  inner_.end_session();
  settled_();
}

void ObservedSupervisor::deliver(const pb::ToAgent& message, std::vector<Fd> files) {
  switch (message.message_case()) {
    case pb::ToAgent::kWelcome:
      welcomed_ = true;
      ++stats_.connected;
      if (std::exchange(was_welcomed_, true)) {
        ++stats_.reconnects;
      }
      inner_.deliver(message, std::move(files));
      settled_();
      return;
    case pb::ToAgent::kExecuteOrder:
      on_order(message, std::move(files));
      return;
    case pb::ToAgent::kReportAcknowledged:
      inner_.deliver(message, std::move(files));
      on_acknowledged(message.report_acknowledged());
      return;
    case pb::ToAgent::kForgetAction:
      inner_.deliver(message, std::move(files));
      if (close(message.forget_action().action())) {
        ++stats_.forgotten;
      }
      return;
    default:
      inner_.deliver(message, std::move(files));
      return;
  }
}

void ObservedSupervisor::on_order(const pb::ToAgent& message, std::vector<Fd> files) {
  auto order = protocol::decode_order(message.execute_order().order().order());
  if (!order.ok() || order->commands_size() == 0 || open_.contains(order->action())) {
    inner_.deliver(message, std::move(files));
    return;
  }
  rumours_.spread({machine_, order->action(), order->epoch()});
  const Open opened{clock_.since_boot(), static_cast<std::uint32_t>(order->commands_size() - 1)};
  // Shared: a function has to be copied, descriptors cannot be.
  auto held = std::make_shared<std::vector<Fd>>(std::move(files));
  budget_.take(this, [this, message, held, opened, action = order->action()] {
    if (!open_.emplace(action, opened).second) {
      budget_.give();  // it came twice while it waited
      return;
    }
    ++stats_.orders;
    ++stats_.running;
    inner_.deliver(message, std::move(*held));
  });
}

void ObservedSupervisor::on_said(const pb::ToServer& message) {
  if (message.has_order_refused()) {
    if (close(message.order_refused().action())) {
      ++stats_.refused;
    }
  } else if (message.has_cancel_confirmed()) {
    if (close(message.cancel_confirmed().action())) {
      ++stats_.cancelled;
    }
  } else if (message.has_not_started()) {
    if (close(message.not_started().action())) {
      ++stats_.not_started;
    }
  } else if (message.has_command_ended() && message.command_ended().outcome() == pb::FAILED) {
    const auto found = open_.find(message.command_ended().action());
    if (found != open_.end()) {
      found->second.last_index = message.command_ended().index();
    }
  }
}

void ObservedSupervisor::on_acknowledged(const pb::ReportAcknowledged& message) {
  const auto found = open_.find(message.action());
  if (found == open_.end() || message.index() < found->second.last_index) {
    return;
  }
  const Duration took = clock_.since_boot() - found->second.since;
  close(message.action());
  stats_.order_to_end.add(took);
  ++stats_.finished;
}

bool ObservedSupervisor::close(const std::string& action) {
  if (open_.erase(action) == 0) {
    return false;
  }
  --stats_.running;
  budget_.give();
  return true;
}

}  // namespace reachback::fleet
