// What happened in a world, event by event, and the checker that reads it. The simulator writes
// histories in true order; a run of real processes is put into one order by its own joiner.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace reachback::sim {

enum class Kind : std::uint8_t {
  accepted,  // durable: machine, commands, expires_us, key and body if it had one
  answered,  // the client was told 201 for `key`
  granted,   // durable: epoch
  asked,     // a cancel is durable
  executed,  // the process of `index` was started; flag: its intent was durable before
  exited,    // and ended by itself; flag: the agent saw it
  stored,    // a blob is committed for (action, index): blob, text = its digest
  command,   // durable: `index` is now `text` (Completed, Failed); blob = the result's name; flag:
             // the blob was committed with that digest
  status,    // durable: the action is now `text`
  minted,    // a link was handed out: blob, expires_us; flag: an audit record was durable before
  fetched,   // a link was read: text = what its bytes say they are, expires_us, flag: given out
  late_bound,  // a result was bound after the end (evidence)
  quiet,       // from here on no fault happens
  ended,       // the history ends here, every deadline is past
};
std::string_view name_of(Kind kind);
std::optional<Kind> kind_of(std::string_view name);

struct Event {
  std::int64_t at_us = 0;  // true time
  Kind kind = Kind::ended;
  std::string action;
  std::string machine;
  std::uint32_t index = 0;
  std::uint32_t commands = 0;
  std::uint64_t epoch = 0;
  std::int64_t expires_us = 0;
  std::string blob;
  std::string text;
  std::string key;
  std::string body;
  bool flag = false;
};
std::string to_json(const Event& event);
std::optional<Event> from_json(std::string_view line);

struct Violation {
  std::string invariant;  // "V01"
  std::size_t event = 0;  // position in the history
  std::string why;
};

struct CheckOptions {
  std::uint64_t active_max = 0;      // V17; 0: not checked
  std::int64_t expiry_slack_us = 0;  // V05: how late the reaper may be
  std::int64_t link_life_us = 1'800'000'000;
  std::int64_t settle_us = 5'000'000;  // V21, of actions that were accepted when all was quiet
};

// Reads events in order and says what they break. Source of V01..V22: docs/state-machine.md.
class Checker {
 public:
  explicit Checker(CheckOptions options) : options_(options) {}
  void read(const Event& event);
  const std::vector<Violation>& violations() const { return violations_; }
  std::size_t events() const { return events_; }
  const std::map<std::string, std::uint64_t>& checked() const { return checked_; }

 private:
  struct Index {
    int executed = 0;
    bool exited = false;
    bool seen = false;
    std::string status;
    std::optional<std::string> blob;    // bound to the command
    std::optional<std::string> stored;  // committed
    std::string digest;
  };
  struct Action {
    std::string machine;
    std::string status = "Pending";
    bool granted = false;
    bool quiet = false;
    std::uint64_t epoch = 0;
    std::int64_t expires_us = 0;
    std::int64_t last_exit_us = -1;
    std::vector<Index> indices;
  };
  void broken(const char* invariant, std::string why);
  void check(const char* invariant, bool holds, const std::string& why);
  void on_action(const Event& e, Action& a);
  void on_index(const Event& e, Action& a, Index& i);
  void on_status(const Event& e, Action& a);
  void on_end(const Event& e);

  CheckOptions options_;
  std::size_t events_ = 0;
  bool quiet_ = false;
  std::map<std::string, Action> actions_;
  std::map<std::string, std::string> active_;                        // machine -> unfinished action
  std::map<std::string, std::pair<std::string, std::string>> keys_;  // key -> action, body
  std::map<std::string, std::string> blobs_;                         // blob -> action/index
  std::vector<Violation> violations_;
  std::map<std::string, std::uint64_t> checked_;  // invariant -> how often it was looked at
};

}  // namespace reachback::sim
