// The network library's loop as the Events port.
#pragma once

#include "agent/ports/events.h"
#include "net/loop.h"

namespace reachback::agent {

class LoopEvents : public Events {
 public:
  explicit LoopEvents(net::Loop& loop) : loop_(loop) {}

  std::unique_ptr<Handle> after(Duration delay, std::function<void()> work) override {
    return std::make_unique<TimerHandle>(loop_.after(delay, std::move(work)));
  }
  std::unique_ptr<Handle> watch_readable(int fd, std::function<void()> ready) override {
    return std::make_unique<TimerHandle>(loop_.watch_readable(fd, std::move(ready)));
  }
  void post(std::function<void()> work) override { loop_.post(std::move(work)); }

 private:
  class TimerHandle : public Handle {
   public:
    explicit TimerHandle(std::unique_ptr<net::Timer> timer) : timer_(std::move(timer)) {}

   private:
    std::unique_ptr<net::Timer> timer_;
  };
  net::Loop& loop_;
};

}  // namespace reachback::agent
