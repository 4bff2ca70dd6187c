#include <algorithm>
#include <set>

#include "server/action/step.h"

namespace reachback::action {
namespace {

bool legal_edge(Status from, Status to) {
  if (from == to) {
    return true;
  }
  switch (from) {
    case Status::pending:
      return to != Status::succeeded;  // A1, A2, A3, A4
    case Status::in_progress:
      return to != Status::pending;  // A6, A7, A8, A9
    case Status::cancelled:
    case Status::timed_out:
    case Status::failed:
    case Status::succeeded:
      return false;  // A11
  }
  return false;
}

bool touched(const Command& c) {
  return c.started || c.status != CommandStatus::created;
}

bool same_request(const Command& a, const Command& b) {
  return a.type == b.type && a.params == b.params && a.file_name == b.file_name &&
         a.file_sha256 == b.file_sha256 && a.file_bytes == b.file_bytes && a.args == b.args &&
         a.path == b.path && a.timeout == b.timeout;
}

}  // namespace

std::string broken_invariant(const Action& a) {
  if (a.commands.empty()) {
    return "an action has at least one command";
  }
  bool granted = a.epoch > 0;
  if (granted != a.granted.has_value() || granted != a.generation.has_value()) {
    return "epoch, generation and grant time come together";
  }
  if (a.status == Status::pending && granted) {
    return "a pending action has no grant";
  }
  if ((a.status == Status::in_progress || a.status == Status::succeeded) && !granted) {
    return "V07: an action runs only under a grant";
  }
  if (a.status == Status::cancelled && !a.cancellation) {
    return "a cancelled action says who cancelled it";
  }
  bool all_completed = true;
  std::set<std::string> blobs;
  for (std::size_t i = 0; i < a.commands.size(); ++i) {
    const Command& c = a.commands[i];
    bool completed = c.status == CommandStatus::completed;
    if (touched(c) && !granted) {
      return "V07: a command starts only under a grant";
    }
    if (touched(c) && !all_completed) {
      return "V08: a command starts only after every earlier one completed";
    }
    if (completed && (!c.started || !c.ended)) {
      return "a completed command has a start and an end";
    }
    if (completed && !c.result && c.type != CommandType::put_file) {
      return "V10: a completed command has its result stored";
    }
    if (c.status == CommandStatus::failed && a.status == Status::in_progress) {
      return "A7: a failed command ends the action";
    }
    for (const auto* blob : {&c.result, &c.raw_stdout, &c.raw_stderr}) {
      if (*blob && !blobs.insert((*blob)->name).second) {
        return "V09: one blob serves one result";
      }
    }
    all_completed = all_completed && completed;
  }
  if (a.status == Status::succeeded && !all_completed) {
    return "V10: a succeeded action has every command completed";
  }
  if (a.status == Status::in_progress && all_completed) {
    return "A6: an action whose commands have all completed has succeeded";
  }
  return {};
}

std::string illegal_transition(const Action& before, const Action& after) {
  if (before.tenant != after.tenant || before.id != after.id || before.machine != after.machine ||
      before.created != after.created || before.requestor != after.requestor ||
      before.comment != after.comment || before.machine_name != after.machine_name ||
      before.title != after.title || before.external_id != after.external_id ||
      before.request_source != after.request_source ||
      before.queue_deadline != after.queue_deadline || before.window != after.window ||
      before.commands.size() != after.commands.size()) {
    return "what was accepted does not change";
  }
  if (!legal_edge(before.status, after.status)) {
    return "V02: no such transition";
  }
  if (before.cancellation && before.cancellation != after.cancellation) {
    return "the first cancellation stands";
  }
  if (is_final(before.status) && before.cancellation != after.cancellation) {
    return "V02: an ended action is not cancelled";
  }
  if (after.epoch < before.epoch) {
    return "V06: epochs grow";
  }
  if (after.epoch != before.epoch) {
    bool started = std::any_of(before.commands.begin(), before.commands.end(), touched);
    if (after.epoch != before.epoch + 1 || after.status != Status::in_progress || started) {
      return "V06: a grant only for what has not started";
    }
  } else if (before.generation != after.generation || before.granted != after.granted) {
    return "a grant does not change";
  }
  for (std::size_t i = 0; i < before.commands.size(); ++i) {
    const Command& b = before.commands[i];
    const Command& c = after.commands[i];
    if (!same_request(b, c)) {
      return "what was accepted does not change";
    }
    bool status_may_change = b.status == CommandStatus::created && !is_final(before.status);
    if (b.status != c.status && !status_may_change) {
      return "V02: a command's final status does not change";
    }
    if ((b.started && b.started != c.started) || (b.ended && b.ended != c.ended)) {
      return "a command's times do not change";
    }
    if ((b.result && b.result != c.result) || (b.raw_stdout && b.raw_stdout != c.raw_stdout) ||
        (b.raw_stderr && b.raw_stderr != c.raw_stderr) || (b.file && b.file != c.file)) {
      return "V09: a result is written once";
    }
  }
  return {};
}

}  // namespace reachback::action
