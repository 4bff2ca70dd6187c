#include "engine.h"

#include <algorithm>
#include <utility>

namespace reachback::sim {
namespace {
constexpr Timestamp kBegin{std::chrono::seconds(1'700'000'000)};
}

void Engine::at(Duration when, LifePtr owner, std::function<void()> work) {
  queue_.push(Event{std::max(when, now_), next_number_++, std::move(owner), std::move(work)});
}

void Engine::run_one() {
  Event event = std::move(const_cast<Event&>(queue_.top()));
  queue_.pop();
  now_ = std::max(now_, event.when);
  if (event.owner && !event.owner->alive) {
    return;
  }
  if (event.owner && event.owner->stopped_until >= now_ && now_ > Duration(0)) {
    // Behind the very end, so that a stalled call goes on before anything else of its process.
    const Duration until = event.owner->stopped_until + Duration(1);
    at(until, std::move(event.owner), std::move(event.work));
    return;
  }
  if (event.owner && event.owner->stalled) {
    // Its call goes on only when those that stalled later have gone on.
    at(now_ + std::chrono::milliseconds(1), std::move(event.owner), std::move(event.work));
    return;
  }
  ++events_;
  const LifePtr before = std::exchange(current_, event.owner);
  ++depth_;
  try {
    event.work();
  } catch (const Killed&) {
    on_killed(event.owner);
  }
  event.work = nullptr;
  --depth_;
  current_ = before;
  if (after_event) {
    after_event();
  }
}

void Engine::run_until(Duration end) {
  while (!queue_.empty() && queue_.top().when <= end) {
    run_one();
  }
  now_ = std::max(now_, end);
}

void Engine::stall(Duration d) {
  const LifePtr stalled = current_;
  const Duration until = now_ + d;
  stalled->stop_until(until);
  stalled->stalled = true;
  current_ = nullptr;
  run_until(until);
  current_ = stalled;
  stalled->stalled = false;
  if (!stalled->alive) {
    throw Killed{};
  }
}

Timestamp true_now(const Engine& engine) {
  return kBegin + engine.now();
}

Timestamp SimClock::now() const {
  const Duration t = engine_.now();
  return kBegin + fault_.offset + t + t * fault_.rate_ppm / 1'000'000;
}

Duration SimClock::since_boot() const {
  const Duration t = engine_.now() - booted_;
  return std::chrono::seconds(20) + t + t * fault_.rate_ppm / 1'000'000;
}

std::unique_ptr<net::Timer> SimExecutor::after(Duration delay, std::function<void()> work) {
  struct Handle : net::Timer {
    explicit Handle(std::shared_ptr<std::function<void()>> w) : work(std::move(w)) {}
    ~Handle() override { *work = nullptr; }
    std::shared_ptr<std::function<void()>> work;
  };
  auto shared = std::make_shared<std::function<void()>>(std::move(work));
  engine_.after(clock_.true_time(delay), life_, [shared] {
    if (*shared) {
      auto call = std::exchange(*shared, nullptr);  // the handle may go inside the call
      call();
    }
  });
  return std::make_unique<Handle>(std::move(shared));
}

}  // namespace reachback::sim
