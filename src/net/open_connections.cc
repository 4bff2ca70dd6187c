#include "net/open_connections.h"

namespace reachback::net {

void OpenConnection::join(std::shared_ptr<OpenConnections> group) {
  group_ = std::move(group);
  if (group_) {
    group_->members_.push_back(*this);
    ++group_->count_->open;
  }
}

void OpenConnection::leave() {
  if (!group_) {
    return;
  }
  unlink();
  auto count = group_->count_;
  group_.reset();
  MutexLock lock(count->mutex);
  if (--count->open == 0) {
    count->none_left.notify_all();
  }
}

void OpenConnections::drain_all() {
  for (auto at = members_.begin(); at != members_.end();) {
    OpenConnection& member = *at++;  // It may leave.
    member.drain();
  }
}

void OpenConnections::cut_all() {
  while (!members_.empty()) {
    members_.front().cut();
  }
}

}  // namespace reachback::net
