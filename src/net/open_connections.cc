#include "net/open_connections.h"

namespace reachback::net {

class AddressCounts::Place {
 public:
  Place(std::shared_ptr<AddressCounts> counts, std::string ip)
      : counts_(std::move(counts)), ip_(std::move(ip)) {}
  ~Place() {
    MutexLock lock(counts_->mutex_);
    auto found = counts_->counts_.find(ip_);
    if (--found->second == 0) {
      counts_->counts_.erase(found);
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::shared_ptr<AddressCounts> counts_;
  std::string ip_;
};

std::shared_ptr<void> AddressCounts::take(const std::string& ip) {
  {
    MutexLock lock(mutex_);
    std::size_t& count = counts_[ip];
    if (max_ != 0 && count >= max_) {
      return nullptr;
    }
    ++count;
  }
  return std::make_shared<Place>(shared_from_this(), ip);
}

void OpenConnection::join(std::shared_ptr<OpenConnections> group, std::shared_ptr<void> place) {
  group_ = std::move(group);
  place_ = std::move(place);
  if (group_) {
    group_->members_.push_back(*this);
    ++group_->count_->open;
    if (place_) {
      as_stranger_ = group_->strangers_.insert(group_->strangers_.end(), this);
    }
  }
}

void OpenConnection::no_stranger() {
  if (as_stranger_) {
    group_->strangers_.erase(*as_stranger_);
    as_stranger_.reset();
  }
  place_.reset();
}

void OpenConnection::leave() {
  if (!group_) {
    return;
  }
  no_stranger();
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

void OpenConnections::make_room(std::size_t max) {
  while (max != 0 && strangers_.size() >= max) {
    strangers_.front()->cut();  // It leaves.
  }
}

void OpenConnections::cut_all() {
  while (!members_.empty()) {
    members_.front().cut();
  }
}

}  // namespace reachback::net
