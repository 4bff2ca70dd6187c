// A few read-only connections, lent to the threads that read.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

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
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closed_ || !free_.empty(); });
    if (closed_) {
      return Lease(*this, nullptr);
    }
    auto db = std::move(free_.back());
    free_.pop_back();
    return Lease(*this, std::move(db));
  }

  // Waits for what is lent, then closes all.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    wake_.notify_all();
    wake_.wait(lock, [this] { return free_.size() == all_; });
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
      std::lock_guard lock(mutex_);
      free_.push_back(std::move(db));
    }
    wake_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool closed_ = false;
  std::size_t all_;
  std::vector<std::unique_ptr<Db>> free_;
};

}  // namespace reachback::server
