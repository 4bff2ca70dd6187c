// Reading actions, and who may.
#include "server/service/live_response_service.h"
#include "server/service/scope.h"

namespace reachback::server {

void LiveResponseService::find_action(const Principal& by, ActionId id, Done<action::Action> done) {
  deps_.actions.get(
      by.tenant, id, [this, by, id, done = std::move(done)](Result<action::Action> a) {
        if (!a) {
          done(a.error().code == Errc::not_found ? action_not_found(id) : a.error());
          return;
        }
        if (!by.machine_tags) {
          done(std::move(a));
          return;
        }
        const MachineId machine = a->machine;
        deps_.machines.get(by.tenant, machine,
                           [by, id, done, a = std::move(*a)](Result<Machine> its) mutable {
                             if (!its && its.error().code != Errc::not_found) {
                               done(its.error());
                             } else if (!its || !is_in_scope(by, its->tags)) {
                               done(action_not_found(id));
                             } else {
                               done(std::move(a));
                             }
                           });
      });
}

void LiveResponseService::get(const Principal& by, ActionId id, Done<action::Action> done) {
  find_action(by, id, std::move(done));
}

void LiveResponseService::list(const Principal& by, odata::Query query, ListBounds bounds,
                               Done<ActionPage> done) {
  deps_.actions.list(scope_of(by), std::move(query), bounds, std::move(done));
}

void LiveResponseService::wait_final(const Principal& by, ActionId id, Duration timeout,
                                     Done<action::Action> done) {
  // Registered before the read, so that an end between the two is not missed.
  Waiters::Ticket ticket = waiters_.add(id, [this, by, id, done] { find_action(by, id, done); });
  find_action(by, id, [this, id, ticket, timeout](Result<action::Action> a) {
    if (!a || action::is_final(a->status)) {
      waiters_.expire(id, ticket);
      return;
    }
    deps_.scheduler.after(timeout, [this, id, ticket] { waiters_.expire(id, ticket); });
  });
}

std::shared_ptr<LiveView> LiveResponseService::watch(ActionId id, bool with_output,
                                                     std::optional<ViewPosition> from) {
  auto view =
      LiveView::create({[this](const Principal& by, ActionId of, Done<action::Action> done) {
                          find_action(by, of, std::move(done));
                        },
                        deps_.links, changes_, deps_.scheduler},
                       id, with_output, from);
  MutexLock lock(views_mutex_);
  std::erase_if(views_, [](const std::weak_ptr<LiveView>& v) { return v.expired(); });
  views_.push_back(view);
  return view;
}

void LiveResponseService::finish_waiting() {
  waiters_.wake_everyone();
  std::vector<std::weak_ptr<LiveView>> views;
  {
    MutexLock lock(views_mutex_);
    views = views_;
  }
  for (const auto& weak : views) {
    if (auto view = weak.lock()) {
      view->stop();
    }
  }
}

}  // namespace reachback::server
