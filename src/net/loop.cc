#include "net/loop.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/mutex.h"
#include "net/loop_impl.h"

namespace reachback::net {
namespace {

using Descriptor = asio::posix::basic_stream_descriptor<IoExecutor>;

// Keeps the state alive for a completion that is queued already when the handle goes.
class OneShot final : public Timer {
 public:
  struct State {
    State(asio::io_context& io, std::function<void()> on_time)
        : timer(io.get_executor()), work(std::move(on_time)) {}
    SteadyTimer timer;
    std::function<void()> work;
  };
  explicit OneShot(std::shared_ptr<State> state) : state_(std::move(state)) {}
  // NOLINTNEXTLINE(bugprone-exception-escape): only of an invalid timer
  ~OneShot() override {
    state_->work = nullptr;
    state_->timer.cancel();
  }

 private:
  std::shared_ptr<State> state_;
};

class Watch final : public Timer {
 public:
  struct State : std::enable_shared_from_this<State> {
    State(asio::io_context& io, std::function<void()> on_ready)
        : descriptor(io.get_executor()), ready(std::move(on_ready)) {}
    void wait() {
      descriptor.async_wait(Descriptor::wait_read, [self = shared_from_this()](ErrorCode error) {
        if (error || !self->ready) {
          return;
        }
        auto callback = self->ready;  // A copy: the callback may destroy the handle.
        callback();
        if (self->ready) {
          self->wait();
        }
      });
    }
    Descriptor descriptor;
    std::function<void()> ready;
  };
  explicit Watch(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Watch() override {
    state_->ready = nullptr;
    state_->descriptor.release();  // Cancels the wait, leaves the descriptor open.
  }

 private:
  std::shared_ptr<State> state_;
};

// Owned by its own pending wait.
void wait_for_signal(std::shared_ptr<asio::signal_set> set, std::function<void(int)> on_signal) {
  auto& waiting = *set;
  waiting.async_wait([set = std::move(set), on_signal = std::move(on_signal)](ErrorCode error,
                                                                              int number) mutable {
    if (!error) {
      on_signal(number);
      wait_for_signal(std::move(set), std::move(on_signal));
    }
  });
}

}  // namespace

Loop::Impl::Impl() : scratch(kScratchBytes) {}

void Loop::Impl::arm_deadline_timer() {
  if (deadlines.empty() || deadline_timer_at <= deadlines.begin()->first) {
    return;
  }
  deadline_timer_at = deadlines.begin()->first;
  deadline_timer.expires_at(deadline_timer_at);
  deadline_timer.async_wait([this](ErrorCode error) {
    if (error) {
      return;  // Moved to an earlier time.
    }
    deadline_timer_at = SteadyClock::time_point::max();
    Deadline::run_due(deadlines, SteadyClock::now());
    arm_deadline_timer();
  });
}

std::string_view Loop::Impl::http_date() {
  std::timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != date_second_) {
    date_second_ = now.tv_sec;
    std::tm parts{};
    gmtime_r(&date_second_, &parts);
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char text[64];
    std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday],
                  parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                  parts.tm_min, parts.tm_sec);
    date_ = text;
  }
  return date_;
}

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::run() {
  impl_->thread = std::this_thread::get_id();
  impl_->io.run();
  impl_->thread = std::thread::id();
}

void Loop::stop() {
  impl_->io.stop();
}

void Loop::post(std::function<void()> work) {
  asio::post(impl_->io, std::move(work));
}

bool Loop::on_thread() const {
  return impl_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

std::unique_ptr<Timer> Loop::after(Duration delay, std::function<void()> work) {
  auto state = std::make_shared<OneShot::State>(impl_->io, std::move(work));
  state->timer.expires_after(delay);
  state->timer.async_wait([state](ErrorCode error) {
    if (!error && state->work) {
      std::exchange(state->work, nullptr)();
    }
  });
  return std::make_unique<OneShot>(std::move(state));
}

void Loop::on_signals(const std::vector<int>& signals, std::function<void(int)> on_signal) {
  auto set = std::make_shared<asio::signal_set>(impl_->io);
  for (int number : signals) {
    ErrorCode ignored;  // Only a number that is no signal fails.
    set->add(number, ignored);
  }
  wait_for_signal(std::move(set), std::move(on_signal));
}

std::unique_ptr<Timer> Loop::watch_readable(int fd, std::function<void()> ready) {
  auto state = std::make_shared<Watch::State>(impl_->io, std::move(ready));
  ErrorCode error;
  state->descriptor.assign(fd, error);
  if (!error) {
    state->wait();
  }
  return std::make_unique<Watch>(std::move(state));
}

LoopPool::LoopPool(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) {
    loops_.push_back(std::make_unique<Loop>());
  }
  Mutex mutex;
  Condition changed;
  std::size_t running = 0;
  for (auto& loop : loops_) {
    loop->post([&] {
      MutexLock lock(mutex);
      ++running;
      changed.notify_one();
    });
    threads_.emplace_back([&loop = *loop] { loop.run(); });
  }
  MutexLock lock(mutex);
  while (running < loops_.size()) {
    changed.wait(lock);
  }
}

LoopPool::~LoopPool() {
  for (auto& loop : loops_) {
    loop->stop();
  }
  for (auto& thread : threads_) {
    thread.join();
  }
}

void run_and_wait(Loop& loop, std::function<void()> work) {
  struct State {
    Mutex mutex;
    Condition changed;
    std::function<void()> work RB_GUARDED_BY(mutex);
    bool done RB_GUARDED_BY(mutex) = false;
  };
  auto running = [&loop] { return loop.impl().thread.load() != std::thread::id(); };
  if (loop.on_thread() || !running()) {
    work();
    return;
  }
  auto state = std::make_shared<State>();
  {
    MutexLock lock(state->mutex);
    state->work = std::move(work);
  }
  // Under the lock, so that giving up below and running here cannot both happen.
  loop.post([state] {
    MutexLock lock(state->mutex);
    if (!state->done) {
      state->work();
      state->done = true;
      state->changed.notify_one();
    }
  });
  MutexLock lock(state->mutex);
  while (!state->done) {
    state->changed.wait_for(lock, std::chrono::milliseconds(20));
    if (!state->done && !running()) {  // Stopped meanwhile; nobody else runs it any more.
      state->work();
      state->done = true;
    }
  }
}

}  // namespace reachback::net
