#include "net/deadline.h"

#include "net/loop_impl.h"

namespace reachback::net {

void Deadline::set(Duration from_now) {
  at_ = std::chrono::steady_clock::now() + from_now;
  if (queued_ && entry_->first <= at_) {
    return;
  }
  leave_queue();
  entry_ = loop_.impl().deadlines.emplace(at_, this);
  queued_ = true;
  loop_.impl().arm_deadline_timer();
}

void Deadline::leave_queue() {
  if (queued_) {
    loop_.impl().deadlines.erase(entry_);
    queued_ = false;
  }
}

void Deadline::run_due(DeadlineQueue& queue, Time now) {
  while (!queue.empty() && queue.begin()->first <= now) {
    Deadline& due = *queue.begin()->second;
    due.leave_queue();
    if (due.at_ == Time::max()) {
      continue;
    }
    if (due.at_ > now) {
      due.entry_ = queue.emplace(due.at_, &due);
      due.queued_ = true;
      continue;
    }
    due.clear();
    due.expired_();
  }
}

}  // namespace reachback::net
