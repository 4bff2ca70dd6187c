#include "net/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "net/deadline.h"
#include "net/test_support.h"

namespace reachback::net {
namespace {

class LoopTest : public NetTest {};

TEST_F(LoopTest, Work_runs_on_the_loop_in_order) {
  LoopPool pool(1);
  Loop& loop = pool.at(0);
  EXPECT_FALSE(loop.on_thread());
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    loop.post([&, i] {
      EXPECT_TRUE(loop.on_thread());
      order.push_back(i);
    });
  }
  on_loop(loop, [] {});
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
}

TEST_F(LoopTest, Timers_fire_in_time_order_and_not_when_dropped) {
  Loop loop;
  std::string fired;
  auto late = loop.after(std::chrono::milliseconds(30), [&] {
    fired += "late";
    loop.stop();
  });
  auto soon = loop.after(std::chrono::milliseconds(1), [&] { fired += "soon "; });
  auto dropped = loop.after(std::chrono::milliseconds(5), [&] { fired += "dropped "; });
  dropped.reset();
  loop.run();
  EXPECT_EQ(fired, "soon late");
}

TEST_F(LoopTest, A_timer_may_be_dropped_by_its_own_work) {
  Loop loop;
  std::unique_ptr<Timer> timer;
  timer = loop.after(std::chrono::milliseconds(1), [&] {
    timer.reset();
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(timer, nullptr);
}

TEST_F(LoopTest, Signals_are_delivered_to_the_loop) {
  Loop loop;
  int seen = 0;
  loop.on_signals({SIGUSR1, SIGUSR2}, [&](int number) {
    seen += number;
    if (number == SIGUSR1) {
      ::raise(SIGUSR2);
    } else {
      loop.stop();
    }
  });
  loop.post([] { ::raise(SIGUSR1); });
  loop.run();
  EXPECT_EQ(seen, SIGUSR1 + SIGUSR2);
}

TEST_F(LoopTest, A_readable_descriptor_is_told_until_the_handle_goes) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Loop loop;
  std::string read;
  std::unique_ptr<Timer> watch;
  watch = loop.watch_readable(ends[0], [&] {
    char c = 0;
    ASSERT_EQ(::read(ends[0], &c, 1), 1);
    read += c;
    if (read.size() == 3) {
      watch.reset();
      loop.post([&] { loop.stop(); });
    }
  });
  ASSERT_EQ(::write(ends[1], "abcd", 4), 4);
  loop.run();
  EXPECT_EQ(read, "abc");
  char c = 0;
  EXPECT_EQ(::read(ends[0], &c, 1), 1);  // Still the caller's.
  EXPECT_EQ(c, 'd');
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(LoopTest, A_deadline_can_be_moved_either_way_and_cleared) {
  Loop loop;
  std::string fired;
  Deadline moved_later(loop, [&] {
    fired += "later";
    loop.stop();
  });
  Deadline moved_sooner(loop, [&] { fired += "sooner "; });
  Deadline cleared(loop, [&] { fired += "cleared "; });
  auto destroyed = std::make_unique<Deadline>(loop, [&] { fired += "destroyed "; });
  moved_later.set(std::chrono::milliseconds(1));
  moved_later.set(std::chrono::milliseconds(40));
  moved_sooner.set(std::chrono::hours(1));
  moved_sooner.set(std::chrono::milliseconds(5));
  cleared.set(std::chrono::milliseconds(2));
  cleared.clear();
  destroyed->set(std::chrono::milliseconds(2));
  destroyed.reset();
  loop.run();
  EXPECT_EQ(fired, "sooner later");
}

}  // namespace
}  // namespace reachback::net
