// What each command did, signed by this machine and chained to what it did before. The receipt is
// part of the command's `ended` record, so it costs no write of its own.
#include "agent/supervisor/agent_supervisor.h"
#include "crypto/digest.h"
#include "protocol/signing.h"

namespace reachback::agent {

void AgentSupervisor::add_receipt(pb::JournalEnded& ended, const pb::SignedOrder& signed_order,
                                  const WrittenResult* written) {
  pb::CommandEnded& report = *ended.mutable_ended();
  pb::Receipt r;
  r.set_machine(std::string(identity_.machine.bytes()));
  r.set_number(receipt_head_.number + 1);
  r.set_previous(receipt_head_.sha256);
  r.set_generation(std::string(deps_.journal.state().generation.bytes()));
  r.set_action(report.action());
  r.set_epoch(report.epoch());
  r.set_index(report.index());
  r.set_order_sha256(std::string(as_bytes(crypto::sha256(signed_order.order()))));
  pb::Order order;
  if (order.ParseFromString(signed_order.order()) &&
      static_cast<int>(report.index()) < order.commands_size()) {
    const pb::Command& command = order.commands(static_cast<int>(report.index()));
    r.set_script_sha256(command.file_sha256());
    r.set_script_name(command.file_name());
  }
  r.set_outcome(report.outcome());
  r.set_started_us(report.started_us());
  r.set_ended_us(report.ended_us());
  r.set_has_exit_code(report.has_exit_code());
  r.set_exit_code(report.exit_code());
  if (written != nullptr) {
    r.set_stdout_sha256(std::string(as_bytes(written->raw_stdout.sha256)));
    r.set_stdout_bytes(written->raw_stdout.bytes);
    r.set_stderr_sha256(std::string(as_bytes(written->raw_stderr.sha256)));
    r.set_stderr_bytes(written->raw_stderr.bytes);
    r.set_result_sha256(std::string(as_bytes(written->sha256)));
    r.set_result_bytes(written->bytes);
  } else if (report.has_file()) {
    r.set_file_path(report.file().path());
    r.set_file_bytes(report.file().bytes());
    r.set_file_sha256(report.file().sha256());
    r.set_result_sha256(report.result().sha256());
    r.set_result_bytes(report.result().bytes());
  }
  *report.mutable_receipt() = protocol::sign_receipt(r, identity_.key);
  receipt_head_ =
      ReceiptHead{r.number(), std::string(as_bytes(crypto::sha256(report.receipt().receipt())))};
}

Entry AgentSupervisor::with_receipt(pb::JournalEnded ended, const pb::SignedOrder& order) {
  add_receipt(ended, order, nullptr);
  return entry(ended);
}

}  // namespace reachback::agent
