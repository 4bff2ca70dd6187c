// A terminal: a shell that somebody types into. What it shows is its output, recorded as every
// command's; the command ends when the shell does, or nobody types any more.
#include "agent/supervisor/agent_supervisor.h"
#include "protocol/signing.h"

namespace reachback::agent {
namespace {

// Without the start files of the machine: whoever edited them changes nothing of what is seen. No
// history is written either; the recording is.
ProcessSpec shell(const std::string& folder, const ActionId& action, std::uint32_t index) {
  ProcessSpec spec;
  spec.program = find_program("bash");
  if (!spec.program.empty()) {
    spec.arguments = {"bash", "--noprofile", "--norc", "-i"};
  } else {
    spec.program = "/bin/sh";
    spec.arguments = {"sh", "-i"};
  }
  spec.environment = command_environment(folder, action, index);
  for (const char* more : {"TERM=xterm-256color", "HISTFILE=", "PS1=\\u@\\h \\w \\$ "}) {
    spec.environment.emplace_back(more);
  }
  spec.folder = folder;
  return spec;
}

}  // namespace

Result<AgentSupervisor::Ready> AgentSupervisor::prepare_terminal(const pb::Command& command,
                                                                 const ActionId& action,
                                                                 std::uint32_t index) {
  auto order = protocol::parse_terminal(command.args());
  if (!order.ok()) {
    return Error{Errc::invalid_input, "InvalidArgs: " + order.error().message};
  }
  auto streams = deps_.spool.make_streams(action, index);
  if (!streams.ok()) {
    return could_not_start(streams.error());
  }
  Ready out;
  out.spec = shell(command.path(), action, index);
  out.spec.terminal = TerminalWindow{order->rows, order->columns};
  out.spec.output_bytes_max = command.output_bytes_max();
  out.streams = std::move(*streams);
  out.typing.emplace(std::move(*order));
  return out;
}

void AgentSupervisor::wait_for_typing() {
  if (!running_->typing) {
    return;
  }
  running_->idle = deps_.events.after(running_->typing->order().idle, [this] {
    running_->gone_idle = true;
    deps_.processes.kill();
  });
}

void AgentSupervisor::on_terminal_input(const pb::TerminalInput& input) {
  pb::ToServer message;
  auto* answer = message.mutable_terminal_taken();
  answer->set_number(input.number());
  if (auto taken = type(input); taken.ok()) {
    answer->set_taken(*taken);
  } else {
    answer->set_error(taken.error().message);
  }
  send(std::move(message));
}

Result<std::uint64_t> AgentSupervisor::type(const pb::TerminalInput& input) {
  const bool is_here = running_ && running_->typing && !running_->storing &&
                       running_->action.bytes() == input.action() &&
                       running_->index == input.index() &&
                       find(running_->action)->epoch() == input.epoch();
  if (!is_here) {
    return Error{Errc::not_found, "NotThere: no such terminal is open here"};
  }
  Typing& typing = *running_->typing;
  if (!protocol::verify_terminal_input(input, typing.order().key)) {
    return Error{Errc::forbidden, "NotSigned: by the key that this terminal was opened with"};
  }
  deps_.processes.resize(TerminalWindow{input.rows(), input.columns()});
  if (const auto bytes = typing.next_of(input); !bytes.empty()) {
    typing.took(deps_.processes.type(bytes));
    wait_for_typing();
  }
  return typing.taken();
}

}  // namespace reachback::agent
