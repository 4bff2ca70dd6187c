// Every change of an action goes through here.
#include "base/failpoint.h"
#include "base/log.h"
#include "server/service/audit_of.h"
#include "server/service/live_response_service.h"

namespace reachback::server {
namespace {

// A conflict means that somebody else's change was stored, so this many in a row on one action is a
// fault, not contention.
constexpr int kTries = 32;

std::string_view kind_of(const action::Event& event) {
  struct Names {
    std::string_view operator()(const action::Claimed&) { return "granted"; }
    std::string_view operator()(const action::CancelRequested&) { return "cancel_requested"; }
    std::string_view operator()(const action::CancelConfirmed&) { return "cancel_confirmed"; }
    std::string_view operator()(const action::NotStarted&) { return "not_started"; }
    std::string_view operator()(const action::OrderRefused&) { return "order_refused"; }
    std::string_view operator()(const action::CommandStarted&) { return "command_started"; }
    std::string_view operator()(const action::CommandEnded&) { return "command_ended"; }
    std::string_view operator()(const action::MachineGone&) { return "machine_gone"; }
    std::string_view operator()(const action::DeadlinePassed&) { return "deadline_passed"; }
  };
  return std::visit(Names(), event);
}

// A result that the agent has uploaded: the record of the upload.
void append_blob(std::string& text, std::string_view what,
                 const std::optional<action::StoredBlob>& blob) {
  if (blob) {
    text.append("; ").append(what).append(" ").append(blob->name).append(", ");
    text += std::to_string(blob->bytes) + " bytes, sha256 " + to_hex(as_bytes(blob->sha256));
  }
}

std::string detail_of(const action::Event& event) {
  if (const auto* e = std::get_if<action::CommandEnded>(&event)) {
    std::string text =
        "command " + std::to_string(e->index) + (e->completed ? " completed" : " failed");
    append_blob(text, "result", e->result);
    append_blob(text, "stdout", e->raw_stdout);
    append_blob(text, "stderr", e->raw_stderr);
    return text;
  }
  if (const auto* e = std::get_if<action::CommandStarted>(&event)) {
    return "command " + std::to_string(e->index);
  }
  if (const auto* e = std::get_if<action::CancelRequested>(&event)) {
    return e->by.comment;
  }
  if (const auto* e = std::get_if<action::OrderRefused>(&event)) {
    return e->reason;
  }
  return {};
}

}  // namespace

void LiveResponseService::transition(const std::shared_ptr<Transition>& t) {
  if (t->tries_left == 0) {
    t->tries_left = kTries;
  }
  deps_.actions.get(t->tenant, t->id, [this, t](Result<action::Action> current) {
    if (!current) {
      t->done(current.error().code == Errc::not_found ? action_not_found(t->id) : current.error());
      return;
    }
    if (t->only_machine && current->machine != *t->only_machine) {
      t->done(action_not_found(t->id));
      return;
    }
    auto taken =
        std::make_shared<action::Step>(action::step(*current, t->event, deps_.clock.now()));
    if (taken->verdict != action::Verdict::applied && taken->verdict != action::Verdict::late) {
      act(*taken);
      t->done(*taken);
      return;
    }
    AuditEntry audit =
        audit_of(t->by, deps_.clock.now(), std::string(kind_of(t->event)), detail_of(t->event));
    deps_.actions.replace(
        taken->next, std::move(audit), [this, t, taken](Result<action::Action> stored) {
          if (!stored && stored.error().code == Errc::conflict) {
            if (--t->tries_left == 0) {
              t->done(Error{Errc::unavailable,
                            "Machine action " + t->id.text() + " is changing too fast, try again"});
              return;
            }
            transition(t);
            return;
          }
          if (!stored) {
            log_error("action not stored",
                      {field("action", t->id.text()), field("error", stored.error().message)});
            t->done(stored.error());
            return;
          }
          taken->next = std::move(*stored);
          changes_.wake_all(t->id);
          act(*taken);
          t->done(*taken);
        });
  });
}

void LiveResponseService::act(const action::Step& step) {
  for (action::Effect effect : step.effects) {
    switch (effect) {
      case action::Effect::send_order:
        send_order(step.next);
        break;
      case action::Effect::send_cancel:
        send_cancel(step.next);
        break;
      case action::Effect::machine_released:
        deps_.notify.machine_hint(step.next.tenant, step.next.machine);
        break;
      case action::Effect::finished:
        deps_.notify.action_hint(step.next.tenant, step.next.id);
        break;
    }
  }
}

void LiveResponseService::reap(Done<std::size_t> done) {
  constexpr std::size_t kBatch = 256;
  deps_.actions.due(deps_.clock.now(), kBatch,
                    [this, done](Result<std::vector<action::Action>> due) {
                      if (!due) {
                        done(due.error());
                        return;
                      }
                      struct Round {
                        std::atomic<std::size_t> left;
                        std::atomic<std::size_t> ended{0};
                        Done<std::size_t> done;
                      };
                      if (due->empty()) {
                        done(std::size_t{0});
                        return;
                      }
                      auto round = std::make_shared<Round>();
                      round->left = due->size();
                      round->done = done;
                      for (const action::Action& a : *due) {
                        auto t = std::make_shared<Transition>();
                        t->tenant = a.tenant;
                        t->id = a.id;
                        t->event = action::DeadlinePassed{};
                        t->by.requestor = "system";
                        t->done = [round](Result<action::Step> step) {
                          if (step && step->verdict == action::Verdict::applied) {
                            ++round->ended;
                          }
                          if (--round->left == 0) {
                            round->done(round->ended.load());
                          }
                        };
                        transition(t);
                      }
                    });
}

}  // namespace reachback::server
