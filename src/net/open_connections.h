// The open connections of one server on one loop, so that drain() can reach them.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/mutex.h"

namespace reachback::net {

// Of a whole server, over all loops.
struct OpenCount {
  std::atomic<std::size_t> open{0};  // goes down under `mutex` only, so that no waiter misses it
  std::atomic<bool> draining{false};
  Mutex mutex;
  Condition none_left;
};

// Counts the strangers of each address. Any thread.
class AddressCounts : public std::enable_shared_from_this<AddressCounts> {
 public:
  explicit AddressCounts(std::size_t max) : max_(max) {}
  // Held by one connection; nullptr: the address has its number already.
  std::shared_ptr<void> take(const std::string& ip);

 private:
  class Place;
  const std::size_t max_;  // 0: no limit
  Mutex mutex_;
  std::unordered_map<std::string, std::size_t> counts_ RB_GUARDED_BY(mutex_);
};

class OpenConnections;

// A member joins once and leaves when its socket is closed, at the latest when it dies. Loop
// thread only.
class OpenConnection : public boost::intrusive::list_base_hook<
                           boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~OpenConnection() { leave(); }
  virtual void drain() = 0;  // Close now if idle, else after what is under way.
  virtual void cut() = 0;    // Close now. Leaves.

 protected:
  // place: of AddressCounts; kept as long as the connection is a stranger's. May be null.
  void join(std::shared_ptr<OpenConnections> group, std::shared_ptr<void> place);
  void leave();
  void no_stranger();
  std::shared_ptr<void> take_place() { return std::move(place_); }
  const std::shared_ptr<OpenConnections>& group() const { return group_; }

 private:
  friend class OpenConnections;
  std::shared_ptr<OpenConnections> group_;
  std::shared_ptr<void> place_;
  std::optional<std::list<OpenConnection*>::iterator> as_stranger_;
};

class OpenConnections {
 public:
  explicit OpenConnections(std::shared_ptr<OpenCount> count) : count_(std::move(count)) {}
  bool draining() const { return count_->draining.load(std::memory_order_relaxed); }
  void drain_all();
  void cut_all();
  // Cuts those that have been strangers longest until one more is not more than `max`.
  void make_room(std::size_t max);

 private:
  friend class OpenConnection;
  std::shared_ptr<OpenCount> count_;
  std::list<OpenConnection*> strangers_;  // the oldest first
  boost::intrusive::list<OpenConnection, boost::intrusive::constant_time_size<false>> members_;
};

}  // namespace reachback::net
