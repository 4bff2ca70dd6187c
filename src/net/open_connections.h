// The open connections of one server on one loop, so that drain() can reach them.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <memory>

#include "base/mutex.h"

namespace reachback::net {

// Of a whole server, over all loops.
struct OpenCount {
  std::atomic<std::size_t> open{0};  // goes down under `mutex` only, so that no waiter misses it
  std::atomic<bool> draining{false};
  Mutex mutex;
  Condition none_left;
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
  void join(std::shared_ptr<OpenConnections> group);
  void leave();
  const std::shared_ptr<OpenConnections>& group() const { return group_; }

 private:
  std::shared_ptr<OpenConnections> group_;
};

class OpenConnections {
 public:
  explicit OpenConnections(std::shared_ptr<OpenCount> count) : count_(std::move(count)) {}
  bool draining() const { return count_->draining.load(std::memory_order_relaxed); }
  void drain_all();
  void cut_all();

 private:
  friend class OpenConnection;
  std::shared_ptr<OpenCount> count_;
  boost::intrusive::list<OpenConnection, boost::intrusive::constant_time_size<false>> members_;
};

}  // namespace reachback::net
