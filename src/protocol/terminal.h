// The words of a TERMINAL command (api/agent.proto, Command.args). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "crypto/ed25519.h"

namespace reachback::protocol {

struct TerminalOrder {
  crypto::Ed25519PublicKey key;  // of whoever types
  std::uint32_t rows = 24;       // of the window, at first
  std::uint32_t columns = 80;
  Duration idle = std::chrono::minutes(30);  // so long without anything typed, and it ends
};

// args: key=BASE64 [rows=N] [columns=N] [idle=SECONDS]. Errors: invalid_input, naming the word.
Result<TerminalOrder> parse_terminal(std::string_view args);

}  // namespace reachback::protocol
