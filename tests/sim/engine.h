// The simulated world's time and order of events: one queue, one thread, one seed. Nothing here
// knows what the events do.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "net/executor.h"
#include "testing/seeded_random.h"

namespace reachback::sim {

// One run of a process: from its start until it is killed. Its events run only while it lives, and
// wait while it is stopped.
struct Life {
  std::string name;
  bool alive = true;
  Duration stopped_until{};
  bool stalled = false;  // in the middle of a call: see Engine::stall()
  void stop_until(Duration when) { stopped_until = std::max(stopped_until, when); }
};
using LifePtr = std::shared_ptr<Life>;

// Thrown through the production code by a failpoint: the process is gone in the middle of a call.
struct Killed {};

class Engine {
 public:
  explicit Engine(std::uint64_t seed) : random_(seed) {}

  Duration now() const { return now_; }
  // owner: whose event this is; null: the world's own.
  void at(Duration when, LifePtr owner, std::function<void()> work);
  void after(Duration delay, LifePtr owner, std::function<void()> work) {
    at(now_ + delay, std::move(owner), std::move(work));
  }
  // Runs what is due until `end`; then it is `end`.
  void run_until(Duration end);
  // The current event's process stands still for `d`, wherever it is in its code: everybody else
  // goes on. Source: trust.md F31.
  void stall(Duration d);
  // Whose event runs now; null: the world's.
  const LifePtr& current() const { return current_; }
  // Called when a process was killed by a failpoint; it must mark the life as dead.
  std::function<void(const LifePtr&)> on_killed;
  // Called behind each event.
  std::function<void()> after_event;

  // ---- chance; everything that is drawn comes from the seed
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool chance(double probability) {
    return static_cast<double>(random_.below(1u << 30)) < probability * (1u << 30);
  }
  Duration between(Duration low, Duration high) {
    return low + Duration(static_cast<std::int64_t>(
                     random_.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }
  // A seed of its own for one process, so that what it draws does not depend on the others.
  std::uint64_t fork_seed() { return random_.below(~std::uint64_t{0}); }

  std::uint64_t events() const { return events_; }
  // No event is under way: what died may be taken apart.
  bool is_at_rest() const { return depth_ == 0; }

 private:
  struct Event {
    Duration when;
    std::uint64_t number;
    LifePtr owner;
    std::function<void()> work;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.number > b.number;
    }
  };
  void run_one();

  testing::SeededRandom random_;
  Duration now_{};
  std::uint64_t next_number_ = 0;
  std::uint64_t events_ = 0;
  LifePtr current_;
  int depth_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> queue_;
};

// What one machine's clocks show: rate in parts per million off the true time, wall clock off by
// `offset`.
struct ClockFault {
  Duration offset{};
  std::int64_t rate_ppm = 0;
};

class SimClock : public Clock {
 public:
  SimClock(const Engine& engine, ClockFault fault) : engine_(engine), fault_(fault) {}
  Timestamp now() const override;
  Duration since_boot() const override;
  void boot(Duration ago = Duration(0)) { booted_ = engine_.now() - ago; }
  void jump(Duration by) { fault_.offset += by; }
  // True time that passes while this clock shows `d`.
  Duration true_time(Duration d) const { return d - d * fault_.rate_ppm / 1'000'000; }
  Duration offset() const { return fault_.offset; }

 private:
  const Engine& engine_;
  ClockFault fault_;
  Duration booted_{};
};

// The true time as a Timestamp; time 0 of every world.
Timestamp true_now(const Engine& engine);

class SimExecutor : public net::Executor {
 public:
  SimExecutor(Engine& engine, LifePtr life, const SimClock& clock)
      : engine_(engine), life_(std::move(life)), clock_(clock) {}
  void post(std::function<void()> work) override {
    engine_.after(Duration(1), life_, std::move(work));
  }
  bool on_thread() const override { return engine_.current() == life_; }
  std::unique_ptr<net::Timer> after(Duration delay, std::function<void()> work) override;
  const LifePtr& life() const { return life_; }

 private:
  Engine& engine_;
  const LifePtr life_;
  const SimClock& clock_;
};

}  // namespace reachback::sim
