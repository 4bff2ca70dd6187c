#include "server/action/action.h"

#include "base/variant.h"

namespace reachback::action {

Duration window_margin(Duration window) {
  if (RB_VARIANT("drift")) {
    return -window / 2;
  }
  return window / 50 + std::chrono::seconds(60);
}

std::optional<Timestamp> deadline(const Action& a) {
  switch (a.status) {
    case Status::pending:
      return a.queue_deadline;
    case Status::in_progress:
      return a.granted.value_or(a.created) + a.window + window_margin(a.window);
    case Status::cancelled:
    case Status::timed_out:
    case Status::failed:
    case Status::succeeded:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace reachback::action
