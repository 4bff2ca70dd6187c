#include "server/service/waiters.h"

#include <algorithm>

namespace reachback::server {

Waiters::Ticket Waiters::add(const ActionId& action, std::function<void()> wake) {
  MutexLock lock(mutex_);
  Ticket ticket = next_++;
  waiting_[action].push_back(Waiter{ticket, std::move(wake)});
  return ticket;
}

void Waiters::expire(const ActionId& action, Ticket ticket) {
  std::function<void()> wake;
  {
    MutexLock lock(mutex_);
    auto found = waiting_.find(action);
    if (found == waiting_.end()) {
      return;
    }
    auto& list = found->second;
    auto at = std::find_if(list.begin(), list.end(),
                           [ticket](const Waiter& w) { return w.ticket == ticket; });
    if (at == list.end()) {
      return;
    }
    wake = std::move(at->wake);
    list.erase(at);
    if (list.empty()) {
      waiting_.erase(found);
    }
  }
  wake();
}

void Waiters::wake_all(const ActionId& action) {
  std::vector<Waiter> list;
  {
    MutexLock lock(mutex_);
    auto found = waiting_.find(action);
    if (found == waiting_.end()) {
      return;
    }
    list = std::move(found->second);
    waiting_.erase(found);
  }
  for (Waiter& w : list) {
    w.wake();
  }
}

void Waiters::wake_everyone() {
  std::map<ActionId, std::vector<Waiter>> all;
  {
    MutexLock lock(mutex_);
    all.swap(waiting_);
  }
  for (auto& [action, list] : all) {
    for (Waiter& w : list) {
      w.wake();
    }
  }
}

}  // namespace reachback::server
