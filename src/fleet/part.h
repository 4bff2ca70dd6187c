// The agents of one loop. Made and destroyed on any thread, before and after the loop runs; the
// rest on the loop's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fleet/sim_agent.h"

namespace reachback::fleet {

struct Member {
  std::size_t index = 0;
  Behaviour behaviour = Behaviour::instant;
  std::string journal;  // of an earlier run, or empty
};

class Part {
 public:
  // world outlives it. at_once: how many may be connecting at the start: after that, each comes
  // back as its session has it.
  Part(LoopWorld& world, std::vector<Member> members, std::size_t at_once);

  // Starts them, as many at once as may be. failed: at most once, one of them could not be started.
  void start(std::function<void(Error)> failed);
  // All are gone afterwards; their journals, by index.
  std::vector<std::pair<std::size_t, std::string>> stop();

 private:
  void start_more();
  void settled(std::size_t place);

  LoopWorld& world_;
  std::vector<Member> members_;
  const std::size_t at_once_;
  std::function<void(Error)> failed_;
  std::vector<std::unique_ptr<SimAgent>> agents_;
  std::vector<bool> is_settled_;  // its first connection has come to something
  std::size_t connecting_ = 0;
  bool stopped_ = false;
};

}  // namespace reachback::fleet
