// Cancelling, truthfully: the answer says Cancelled only when nothing more will start (decisions.md
// 5).
#include "server/service/live_response_service.h"

namespace reachback::server {

void LiveResponseService::cancel(const Principal& by, ActionId id, std::string comment,
                                 Done<action::Action> done) {
  auto t = std::make_shared<Transition>();
  t->tenant = by.tenant;
  t->id = id;
  t->event = action::CancelRequested{
      action::Cancellation{by.requestor, std::move(comment), deps_.clock.now()}};
  t->by = by;
  t->done = [this, by, id, done](Result<action::Step> step) {
    if (!step) {
      done(step.error());
      return;
    }
    if (step->verdict == action::Verdict::refused) {
      done(action_has_ended(id));
      return;
    }
    if (action::is_final(step->next.status)) {
      done(step->next);
      return;
    }
    wait_final(by, id, limits_.cancel_wait, done);
  };
  if (!by.machine_tags) {
    transition(t);
    return;
  }
  find_action(by, id, [this, t](const Result<action::Action>& a) {
    if (a) {
      transition(t);
    } else {
      t->done(a.error());
    }
  });
}

}  // namespace reachback::server
