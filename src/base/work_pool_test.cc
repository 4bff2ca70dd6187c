#include "server/service/background.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace reachback::server {
namespace {

TEST(Background, work_is_done_in_its_order_on_another_thread) {
  std::vector<int> done;
  std::thread::id where;
  {
    BackgroundThread background(10);
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(background.post([&done, &where, i] {
        done.push_back(i);
        where = std::this_thread::get_id();
      }));
    }
  }
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3, 4})) << "what waits is done before the end";
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST(Background, what_would_wait_too_long_is_not_taken) {
  BackgroundThread background(2);
  std::promise<void> begun, go_on;
  ASSERT_TRUE(background.post([&] {
    begun.set_value();
    go_on.get_future().wait();
  }));
  begun.get_future().wait();
  int done = 0;
  EXPECT_TRUE(background.post([&done] { ++done; }));
  EXPECT_TRUE(background.post([&done] { ++done; }));
  EXPECT_FALSE(background.post([&done] { done += 100; }));
  go_on.set_value();
  background.close();
  background.close();
  EXPECT_EQ(done, 2);
  EXPECT_FALSE(background.post([&done] { ++done; })) << "it has ended";
}

}  // namespace
}  // namespace reachback::server
