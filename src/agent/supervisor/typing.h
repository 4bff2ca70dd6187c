// What is typed into one terminal: each byte once, in order, whatever is said twice or comes too
// early. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/ports/process.h"
#include "protocol/agent_messages.h"
#include "protocol/terminal.h"

namespace reachback::agent {

class Typing {
 public:
  explicit Typing(protocol::TerminalOrder order) : order_(std::move(order)) {}

  const protocol::TerminalOrder& order() const { return order_; }
  // So many bytes the terminal took since it began.
  std::uint64_t taken() const { return taken_; }
  // What of the input comes next; empty: the terminal has it already, or lacks what stands before.
  std::string_view next_of(const pb::TerminalInput& input) const {
    const std::uint64_t end = input.from() + input.typed().size();
    if (input.from() > taken_ || end <= taken_) {
      return {};
    }
    return std::string_view(input.typed()).substr(taken_ - input.from());
  }
  void took(std::size_t bytes) { taken_ += bytes; }

 private:
  protocol::TerminalOrder order_;
  std::uint64_t taken_ = 0;
};

}  // namespace reachback::agent
