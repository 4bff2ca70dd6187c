// What somebody types into a terminal, on its way to the agent.
#include <atomic>

#include "protocol/signing.h"
#include "protocol/terminal.h"
#include "server/service/interactive.h"

namespace reachback::server {
namespace {

// The terminal that runs, filled in. Errors: conflict, forbidden.
Result<void> address(const action::Action& a, pb::TerminalInput& input) {
  const auto* command = a.commands.empty() ? nullptr : &a.commands.front();
  if (command == nullptr || command->type != action::CommandType::terminal) {
    return Error{Errc::conflict, "the machine action " + a.id.text() + " is no terminal"};
  }
  if (action::is_final(a.status) || command->ended) {
    return Error{Errc::conflict, "the terminal has ended"};
  }
  if (!command->started) {
    return Error{Errc::conflict, "the terminal has not begun"};
  }
  input.set_action(std::string(a.id.bytes()));
  input.set_epoch(a.epoch);
  input.set_index(0);
  RB_TRY_ASSIGN(const protocol::TerminalOrder order,
                protocol::parse_terminal(command->args.value_or("")));
  // The agent looks, too: this spares it the answer.
  if (!protocol::verify_terminal_input(input, order.key)) {
    return Error{Errc::forbidden, "the signature is not by the key that opened the terminal"};
  }
  return {};
}

// Whichever comes first is told: the answer, or that there is none.
Done<pb::TerminalTaken> first_of(Scheduler& scheduler, const Done<std::uint64_t>& done) {
  auto open = std::make_shared<std::atomic<bool>>(true);
  scheduler.after(Interactive::kTypingPatience, [open, done] {
    if (open->exchange(false)) {
      done(Error{Errc::unavailable, "the agent does not answer"});
    }
  });
  return [open, done](const Result<pb::TerminalTaken>& taken) {
    if (!open->exchange(false)) {
      return;
    }
    if (!taken) {
      done(taken.error());
    } else if (taken->error().empty()) {
      done(taken->taken());
    } else {
      done(Error{taken->error().starts_with("NotSigned:") ? Errc::forbidden : Errc::conflict,
                 taken->error()});
    }
  };
}

}  // namespace

void Interactive::type(const Principal& by, ActionId id, const TypedInput& input,
                       const Done<std::uint64_t>& done) {
  auto typed = std::make_shared<pb::TerminalInput>();
  typed->set_from(input.from);
  typed->set_typed(input.bytes);
  typed->set_rows(input.rows);
  typed->set_columns(input.columns);
  typed->set_signature(input.signature);
  deps_.live_response.get(by, id, [this, typed, done](const Result<action::Action>& action) {
    auto addressed = action ? address(*action, *typed) : Result<void>(action.error());
    if (!addressed) {
      done(addressed.error());
      return;
    }
    deps_.links.type_input(action->machine, std::move(*typed), first_of(deps_.scheduler, done));
  });
}

}  // namespace reachback::server
