// Waiting for an asynchronous call of a port. Not on a loop's thread.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include "base/result.h"

namespace reachback::server {

template <typename T, typename Call>
Result<T> wait(Call call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto result = promise->get_future();
  call(Done<T>([promise](Result<T> r) { promise->set_value(std::move(r)); }));
  return result.get();
}

}  // namespace reachback::server
