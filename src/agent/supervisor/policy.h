// What this machine's owner lets the server do, whatever the server signs: read from a file that
// the server cannot write (agent/wire/policy_file.h). Values; the functions are pure but for the
// reading of the script's bytes.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "crypto/ed25519.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

// A minute of the week, in the machine's own time.
struct LocalMinute {
  int weekday = 0;  // 0: Monday
  int minute = 0;   // of the day
};
LocalMinute local_minute(Timestamp at);

// Nothing starts from `from` until before `to`, on the days on which it begins. to <= from: it ends
// on the day after.
struct QuietHours {
  bool days[7] = {true, true, true, true, true, true, true};  // Monday first
  int from = 0;                                               // minutes of the day
  int to = 0;
  std::string text;  // as it was written
};

struct Policy {
  std::string source;  // the file; empty: there is none, and everything is allowed
  bool run_script = true;
  bool put_file = true;
  bool get_file = true;
  bool built_in = true;
  bool collect = true;
  bool terminal = false;                 // only where it is said: what is typed is bound by nothing
  std::set<std::string> allowed_sha256;  // not empty: these scripts and files only
  std::set<std::string> denied_sha256;
  // Scripts carry a signature of one of the keys; what cannot carry one must be in allowed_sha256.
  bool require_signature = false;
  std::vector<crypto::Ed25519PublicKey> signing_keys;
  std::vector<std::string> read_roots;  // of what reads files; absolute; empty: all
  std::vector<QuietHours> quiet;
};

// Of the order as a whole, before it is journalled. Errors: forbidden, "Policy: why".
Result<void> check_order(const Policy& policy, const pb::Order& order, LocalMinute now);
// Again before a command starts: the hours may have changed meanwhile.
Result<void> check_hours(const Policy& policy, LocalMinute now);
// Of the bytes that are about to run; file: sealed, and its hash is the command's.
// Errors: forbidden, "SignatureRequired: why"; io.
Result<void> check_script(const Policy& policy, const pb::Command& command, int file);

}  // namespace reachback::agent
