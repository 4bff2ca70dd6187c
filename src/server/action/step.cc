#include "server/action/step.h"

#include <algorithm>

#include "base/variant.h"

namespace reachback::action {
namespace {

// Builds the answer of one step over a copy of the current action.
class Stepper {
 public:
  Stepper(const Action& current, Timestamp now) : a_(current), now_(now) {}

  Step operator()(const Claimed& e) {
    switch (a_.status) {
      case Status::pending:
        if (now_ >= a_.queue_deadline) {
          return refused("its time in the queue is over");
        }
        grant(e.generation);  // A1
        return applied({Effect::send_order});
      case Status::in_progress:
        if (RB_VARIANT("lease_regrant") && !a_.cancellation && now_ > *a_.granted + a_.window / 4) {
          grant(e.generation);
          return applied({Effect::send_order});
        }
        if (a_.generation != e.generation && !RB_VARIANT("nogen")) {
          return refused("granted to another journal generation");
        }
        if (a_.cancellation) {
          return duplicate({Effect::send_order, Effect::send_cancel});
        }
        return duplicate({Effect::send_order});  // A1'
      case Status::cancelled:
      case Status::timed_out:
      case Status::failed:
      case Status::succeeded:
        return refused("the action has ended");
    }
    return refused("unknown status");
  }

  Step operator()(const CancelRequested& e) {
    switch (a_.status) {
      case Status::pending:  // A2
        a_.cancellation = e.by;
        not_run_rest("the action was cancelled");
        return finish(Status::cancelled);
      case Status::in_progress:  // A5
        if (a_.cancellation) {
          return duplicate({Effect::send_cancel});
        }
        a_.cancellation = e.by;
        if (RB_VARIANT("cancel_now")) {
          return finish(Status::cancelled);
        }
        return applied({Effect::send_cancel});
      case Status::cancelled:
        return duplicate({});
      case Status::timed_out:
      case Status::failed:
      case Status::succeeded:
        return refused("the action has ended");
    }
    return refused("unknown status");
  }

  Step operator()(const CancelConfirmed& e) {
    if (a_.status == Status::cancelled) {
      return duplicate({});
    }
    if (is_final(a_.status)) {
      return late(/*changed=*/false);
    }
    if (says_nothing_about_this_grant(e.epoch, e.generation)) {
      return duplicate({});
    }
    if (auto why = not_of_this_grant(e.epoch)) {
      return refused(*why);
    }
    if (!a_.cancellation) {
      return refused("nobody asked to cancel it");
    }
    return close_by_cancel();  // A8
  }

  Step operator()(const NotStarted& e) {
    if (is_final(a_.status)) {
      return late(/*changed=*/false);
    }
    if (says_nothing_about_this_grant(e.epoch, e.generation)) {
      return duplicate({});
    }
    if (auto why = not_of_this_grant(e.epoch)) {
      return refused(*why);
    }
    if (any_started()) {
      return refused("a command of it has started");
    }
    if (a_.cancellation) {
      return close_by_cancel();  // A8
    }
    if (now_ >= a_.queue_deadline) {
      not_run_rest("the machine restarted and the time in the queue is over");
      return finish(Status::timed_out);  // A9
    }
    grant(e.generation);  // A10
    return applied({Effect::send_order});
  }

  Step operator()(const OrderRefused& e) {
    if (is_final(a_.status)) {
      return late(/*changed=*/false);
    }
    if (says_nothing_about_this_grant(e.epoch, e.generation)) {
      return duplicate({});
    }
    if (auto why = not_of_this_grant(e.epoch)) {
      return refused(*why);
    }
    if (any_started()) {
      return refused("a command of it has started");
    }
    if (a_.cancellation) {
      return close_by_cancel();  // A8
    }
    Command& first = a_.commands.front();
    first.status = CommandStatus::failed;
    first.errors.push_back("Refused: " + e.reason);
    not_run_rest("an earlier command failed");
    return finish(Status::failed);  // A7
  }

  Step operator()(const CommandStarted& e) {
    if (is_final(a_.status)) {
      return late(/*changed=*/false);
    }
    if (auto why = not_reportable(e.epoch, e.index)) {
      return refused(*why);
    }
    if (!earlier_completed(e.index)) {
      return premature();
    }
    Command& c = a_.commands[e.index];
    if (c.started || c.status != CommandStatus::created) {
      return duplicate({});
    }
    c.started = e.at;
    return applied({});
  }

  Step operator()(const CommandEnded& e) {
    if (e.epoch != a_.epoch || !a_.granted || e.index >= a_.commands.size()) {
      return refused(e.index >= a_.commands.size() ? "no such command" : "not of this grant");
    }
    Command& c = a_.commands[e.index];
    if (RB_VARIANT("noterm") && c.status == CommandStatus::created) {
      a_.status = Status::in_progress;
    }
    if (is_final(a_.status)) {
      return late(attach_evidence(c, e));  // A11
    }
    if (c.status != CommandStatus::created) {
      bool same = e.completed == (c.status == CommandStatus::completed);
      return same ? duplicate({}) : refused("this command has ended otherwise");
    }
    if (auto why = not_reportable(e.epoch, e.index)) {
      return refused(*why);
    }
    if (!earlier_completed(e.index)) {
      return premature();
    }
    if (e.completed && !e.started) {
      return refused("completed without a start");
    }
    if (e.completed && !e.result && c.type != CommandType::put_file) {
      return refused("completed without a stored result");
    }
    c.status = e.completed ? CommandStatus::completed : CommandStatus::failed;
    if (!c.started) {
      c.started = e.started;
    }
    c.ended = e.ended;
    attach_evidence(c, e);
    if (!e.completed) {
      not_run_rest("an earlier command failed");
      return finish(Status::failed);  // A7
    }
    if (all_completed()) {
      return finish(Status::succeeded);  // A6
    }
    return applied({});
  }

  Step operator()(const MachineGone& e) {
    if (a_.status != Status::pending) {
      return refused("it is not waiting any more");
    }
    not_run_rest(e.reason);
    return finish(Status::failed);  // A4
  }

  Step operator()(const DeadlinePassed&) {
    auto at = deadline(a_);
    if (!at || now_ < *at) {
      return duplicate({});
    }
    if (a_.status == Status::pending) {  // A3
      not_run_rest("the machine did not connect in time");
    } else {  // A9
      for (Command& c : a_.commands) {
        if (c.started && c.status == CommandStatus::created) {
          c.errors.push_back("Unknown: the machine did not say how it ended");
        }
      }
      not_run_rest("no word from the machine that it ran");
    }
    return finish(Status::timed_out);
  }

 private:
  void grant(const JournalGeneration& generation) {
    a_.status = Status::in_progress;
    a_.epoch += 1;
    a_.generation = generation;
    a_.granted = now_;
  }

  Step close_by_cancel() {
    if (all_completed()) {
      return finish(Status::succeeded);
    }
    for (Command& c : a_.commands) {
      if (c.started && c.status == CommandStatus::created) {
        c.status = CommandStatus::failed;
        c.ended = now_;
        c.errors.push_back("Cancelled");
      }
    }
    not_run_rest("the action was cancelled");
    return finish(Status::cancelled);
  }

  // What a report brings beyond the status: kept also when it comes late. True when something was
  // new. Nothing is added to what the machine has signed, nor to what it has called completed by a
  // report that says otherwise: a machine cannot change its word afterwards.
  static bool attach_evidence(Command& c, const CommandEnded& e) {
    if (!c.receipt.empty() || (c.status == CommandStatus::completed && !e.completed)) {
      return false;
    }
    bool changed = false;
    auto take = [&changed](auto& mine, const auto& theirs) {
      if (!mine && theirs) {
        mine = theirs;
        changed = true;
      }
    };
    take(c.result, e.result);
    take(c.raw_stdout, e.raw_stdout);
    take(c.raw_stderr, e.raw_stderr);
    if (!has_streams(c.type)) {
      take(c.file, e.file);
    }
    take(c.exit_code, e.exit_code);
    if (c.receipt.empty() && !e.receipt.empty()) {
      c.receipt = e.receipt;
      changed = true;
    }
    for (const std::string& text : e.errors) {
      if (std::find(c.errors.begin(), c.errors.end(), text) == c.errors.end() &&
          c.errors.size() < kCommandErrorsMax) {
        c.errors.push_back(text);
        changed = true;
      }
    }
    return changed;
  }

  void not_run_rest(std::string_view why) {
    for (Command& c : a_.commands) {
      if (c.status == CommandStatus::created && !c.started) {
        c.errors.push_back("NotRun: " + std::string(why));
      }
    }
  }

  bool any_started() const {
    return std::any_of(a_.commands.begin(), a_.commands.end(), [](const Command& c) {
      return c.started || c.status != CommandStatus::created;
    });
  }
  bool all_completed() const {
    return std::all_of(a_.commands.begin(), a_.commands.end(),
                       [](const Command& c) { return c.status == CommandStatus::completed; });
  }

  // Said again about a grant that was proven not to have started (A10), or by a journal that the
  // grant is not bound to: it must neither end the action nor have the agent forget it.
  bool says_nothing_about_this_grant(std::uint64_t epoch,
                                     const JournalGeneration& generation) const {
    return a_.status == Status::in_progress &&
           (epoch < a_.epoch || (epoch == a_.epoch && a_.generation != generation));
  }
  std::optional<std::string> not_of_this_grant(std::uint64_t epoch) const {
    if (a_.status != Status::in_progress) {
      return "it was never granted";
    }
    if (epoch != a_.epoch) {
      return "not of this grant";
    }
    return std::nullopt;
  }
  std::optional<std::string> not_reportable(std::uint64_t epoch, std::uint32_t index) const {
    if (auto why = not_of_this_grant(epoch)) {
      return why;
    }
    if (index >= a_.commands.size()) {
      return "no such command";
    }
    return std::nullopt;
  }
  bool earlier_completed(std::uint32_t index) const {
    return std::all_of(a_.commands.begin(), a_.commands.begin() + index,
                       [](const Command& c) { return c.status == CommandStatus::completed; });
  }

  Step applied(std::vector<Effect> effects) {
    a_.updated = now_;
    return Step{Verdict::applied, a_, std::move(effects), {}};
  }
  Step finish(Status status) {
    a_.status = status;
    return applied({Effect::machine_released, Effect::finished});
  }
  Step duplicate(std::vector<Effect> effects) {
    return Step{Verdict::duplicate, a_, std::move(effects), {}};
  }
  Step late(bool changed) {
    if (changed) {
      a_.updated = now_;
    }
    return Step{changed ? Verdict::late : Verdict::duplicate, a_, {}, {}};
  }
  Step premature() {
    return Step{Verdict::premature, a_, {}, "an earlier command has not completed"};
  }
  Step refused(std::string_view why) { return Step{Verdict::refused, a_, {}, std::string(why)}; }

  Action a_;
  Timestamp now_;
};

}  // namespace

Step step(const Action& current, const Event& event, Timestamp now) {
  return std::visit(Stepper(current, now), event);
}

}  // namespace reachback::action
