#include "base/work_pool.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace reachback {
namespace {

TEST(WorkPool, work_is_done_in_its_order_on_another_thread) {
  std::vector<int> done;
  std::thread::id where;
  {
    WorkPool pool(1, 10);
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(pool.post([&done, &where, i] {
        done.push_back(i);
        where = std::this_thread::get_id();
      }));
    }
  }
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3, 4})) << "what waits is done before the end";
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST(WorkPool, what_would_wait_too_long_is_not_taken) {
  WorkPool pool(1, 2);
  std::promise<void> begun, go_on;
  ASSERT_TRUE(pool.post([&] {
    begun.set_value();
    go_on.get_future().wait();
  }));
  begun.get_future().wait();
  int done = 0;
  EXPECT_TRUE(pool.post([&done] { ++done; }));
  EXPECT_TRUE(pool.post([&done] { ++done; }));
  EXPECT_FALSE(pool.post([&done] { done += 100; }));
  go_on.set_value();
  pool.close();
  pool.close();
  EXPECT_EQ(done, 2);
  EXPECT_FALSE(pool.post([&done] { ++done; })) << "it has ended";
}

}  // namespace
}  // namespace reachback
