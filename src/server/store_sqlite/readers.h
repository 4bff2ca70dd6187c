// A few read-only connections, lent to the threads that read.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

class Readers {
 public:
  // Borrows a connection until it goes away.
  class Lease {
   public:
    Lease(Readers& owner, std::unique_ptr<Db> db) : owner_(owner), db_(std::move(db)) {}
    ~Lease() {
      if (db_ != nullptr) {
        owner_.give_back(std::move(db_));
      }
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Db* db() { return db_.get(); }  // nullptr: closed

   private:
    Readers& owner_;
    std::unique_ptr<Db> db_;
  };

  explicit Readers(std::vector<std::unique_ptr<Db>> connections)
      : all_(connections.size()), free_(std::move(connections)) {}

  // Waits for a connection if all are lent; a read is short.
  Lease take() {
    MutexLock lock(mutex_);
    while (!closed_ && free_.empty()) {
      wake_.wait(lock);
    }
    if (closed_) {
      return Lease(*this, nullptr);
    }
    auto db = std::move(free_.back());
    free_.pop_back();
    return Lease(*this, std::move(db));
  }

  // Waits for what is lent, then closes all.
  void close() {
    MutexLock lock(mutex_);
    closed_ = true;
    wake_.notify_all();
    while (free_.size() < all_) {
      wake_.wait(lock);
    }
    free_.clear();
    all_ = 0;
  }

  // Runs `work` on a connection.
  template <typename T>
  Result<T> read(const std::function<Result<T>(Db&)>& work) {
    Lease lease = take();
    if (lease.db() == nullptr) {
      return Error{Errc::unavailable, "the store is closed"};
    }
    return work(*lease.db());
  }

 private:
  void give_back(std::unique_ptr<Db> db) {
    {
      MutexLock lock(mutex_);
      free_.push_back(std::move(db));
    }
    wake_.notify_all();
  }

  Mutex mutex_;
  Condition wake_;
  bool closed_ RB_GUARDED_BY(mutex_) = false;
  std::size_t all_ RB_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Db>> free_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
