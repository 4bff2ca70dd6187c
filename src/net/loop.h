// One thread's event loop: timers, posted work, and the sockets that were made on it.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "net/executor.h"

namespace reachback::net {

class Loop : public Executor {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // Until stop(). Call on one thread only.
  void stop();  // Any thread.
  void post(std::function<void()> work) override;
  bool on_thread() const override;
  [[nodiscard]] std::unique_ptr<Timer> after(Duration delay, std::function<void()> work) override;
  // Calls `on_signal` on the loop thread for each of the signals (SIGTERM, SIGINT). Before run().
  void on_signals(const std::vector<int>& signals, std::function<void(int)> on_signal);
  // Calls `ready` on the loop thread each time fd is readable, until the handle is destroyed. fd
  // stays the caller's and is made non-blocking.
  [[nodiscard]] std::unique_ptr<Timer> watch_readable(int fd, std::function<void()> ready);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// N loops on N threads; connections are spread over them. Outlives everything made on its loops:
// servers, clients, sockets, exchanges, timers.
class LoopPool {
 public:
  explicit LoopPool(std::size_t threads);
  ~LoopPool();  // Stops and joins.
  Loop& at(std::size_t i) { return *loops_[i]; }
  std::size_t size() const { return loops_.size(); }

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace reachback::net
