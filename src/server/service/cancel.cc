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
  transition(std::move(t));
}

void LiveResponseService::wait_final(const Principal& by, ActionId id, Duration timeout,
                                     Done<action::Action> done) {
  // Registered before the read, so that an end between the two is not missed.
  auto read = [this, tenant = by.tenant, id, done] {
    deps_.actions.get(tenant, id, [id, done](Result<action::Action> a) {
      done(a || a.error().code != Errc::not_found ? std::move(a)
                                                  : Result<action::Action>(action_not_found(id)));
    });
  };
  Waiters::Ticket ticket = waiters_.add(id, read);
  deps_.actions.get(by.tenant, id, [this, id, ticket, timeout](Result<action::Action> a) {
    if (!a || action::is_final(a->status)) {
      waiters_.expire(id, ticket);
      return;
    }
    deps_.scheduler.after(timeout, [this, id, ticket] { waiters_.expire(id, ticket); });
  });
}

}  // namespace reachback::server
