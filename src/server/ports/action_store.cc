#include "server/ports/action_store.h"

namespace reachback::server {

std::uint64_t text_bytes(const action::Action& action) {
  constexpr std::uint64_t kFixedBytes = 512;  // ids, times, the names of the properties
  std::uint64_t total = kFixedBytes + action.machine_name.size() + action.requestor.size() +
                        action.comment.size() + action.title.value_or("").size() +
                        action.external_id.value_or("").size() + action.request_source.size();
  for (const action::Command& command : action.commands) {
    total += kFixedBytes / 2;
    for (const action::Param& param : command.params) {
      total += param.key.size() + param.value.size();
    }
    for (const std::string& error : command.errors) {
      total += error.size();
    }
  }
  return total;
}

}  // namespace reachback::server
