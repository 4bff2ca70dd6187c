// Waits for an asynchronous call: `auto r = wait_for<App>([&](auto done) { store.app(t, id, done);
// })`.
#pragma once

#include <chrono>
#include <future>
#include <memory>

#include "base/result.h"

namespace reachback::testing {

// timed_out when `done` is not called within a minute, so that a lost call fails a test instead of
// hanging it. A second call of `done` ends the test program.
template <typename T = void, typename Call>
Result<T> wait_for(Call call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  call(Done<T>([promise](Result<T> result) { promise->set_value(std::move(result)); }));
  if (future.wait_for(std::chrono::minutes(1)) != std::future_status::ready) {
    return Error{Errc::timed_out, "done was not called"};
  }
  return future.get();
}

}  // namespace reachback::testing
