#include "fleet/descriptors.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "base/file.h"

namespace reachback::fleet {

Result<std::uint64_t> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return errno_error("getrlimit");
  }
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) {
      return errno_error("setrlimit");
    }
  }
  return static_cast<std::uint64_t>(limit.rlim_max);
}

Result<std::uint64_t> descriptors_left(std::uint64_t agents, std::uint64_t limit) {
  const std::uint64_t spoken_for = kOwnDescriptors + kDescriptorsForWork;
  const std::uint64_t most = limit > spoken_for ? limit - spoken_for : 0;
  if (agents > most) {
    return Error{Errc::too_large,
                 fmt::format("--agents {}: this process may hold {} descriptors (RLIMIT_NOFILE; "
                             "`ulimit -Hn`), enough for {} agents",
                             agents, limit, most)};
  }
  return limit - kOwnDescriptors - agents;
}

void DescriptorBudget::take(const void* owner, std::function<void()> begin) {
  waiting_.push_back({owner, std::move(begin)});
  begin_waiting();
}

void DescriptorBudget::give() {
  free_ += static_cast<std::int64_t>(kDescriptorsOfOrder);
  begin_waiting();
}

void DescriptorBudget::forget(const void* owner) {
  std::erase_if(waiting_, [owner](const Waiting& one) { return one.owner == owner; });
}

void DescriptorBudget::begin_waiting() {
  while (!waiting_.empty() && free_ >= static_cast<std::int64_t>(kDescriptorsOfOrder)) {
    auto begin = std::move(waiting_.front().begin);
    waiting_.pop_front();
    free_ -= static_cast<std::int64_t>(kDescriptorsOfOrder);
    begin();
  }
}

}  // namespace reachback::fleet
