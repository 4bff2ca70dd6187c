// A terminal on a machine, in this one: what it shows, and what is typed
// (docs/interactive-sessions.md). The keyboard has a thread of its own.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"
#include "cli/api.h"
#include "cli/keystrokes.h"
#include "cli/progress.h"
#include "cli/terminal_filter.h"
#include "crypto/ed25519.h"

namespace reachback::cli {

// Standard input and output are a terminal.
bool has_terminal();

class RemoteTerminal {
 public:
  // What is typed is signed by it; its public half goes with the line that opens the terminal.
  explicit RemoteTerminal(crypto::Ed25519PrivateKey key);
  ~RemoteTerminal();
  RemoteTerminal(const RemoteTerminal&) = delete;
  RemoteTerminal& operator=(const RemoteTerminal&) = delete;

  // "terminal -key … -rows … -columns …"
  std::string line() const;
  // From now on every key goes to the machine, but "Enter ~ .", which cancels the action. Once; any
  // thread. Errors: io (no terminal).
  Result<void> begin(Api& api, const ActionId& id);
  Result<void> show(std::string_view text);
  // This terminal is as it was before. What kept the keyboard from the machine, if anything did.
  std::optional<Error> end();

 private:
  struct RawMode;
  void read_keys();
  bool read_some();  // false: it has ended, or is to end
  void send();
  Window window() const;

  const crypto::Ed25519PrivateKey key_;
  std::optional<ActionId> id_;
  std::unique_ptr<Api> api_;  // the keyboard's
  std::unique_ptr<RawMode> raw_;
  Fd wake_;
  std::thread keyboard_;
  std::atomic<bool> ending_{false};

  // The keyboard's thread's.
  Keystrokes keys_;
  Window told_;  // the window that the machine knows of
  std::optional<Error> error_;

  TerminalFilter filter_;
};

}  // namespace reachback::cli
