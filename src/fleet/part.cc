#include "fleet/part.h"

namespace reachback::fleet {

Part::Part(LoopWorld& world, std::vector<Member> members, std::size_t at_once)
    : world_(world), members_(std::move(members)), at_once_(at_once) {
  agents_.reserve(members_.size());
  is_settled_.resize(members_.size());
}

void Part::start(std::function<void(Error)> failed) {
  failed_ = std::move(failed);
  start_more();
}

void Part::start_more() {
  while (!stopped_ && connecting_ < at_once_ && agents_.size() < members_.size()) {
    const std::size_t place = agents_.size();
    Member& member = members_[place];
    agents_.push_back(std::make_unique<SimAgent>(world_, member.index, member.behaviour,
                                                 [this, place] { settled(place); }));
    ++connecting_;
    if (auto started = agents_.back()->start(std::exchange(member.journal, {})); !started.ok()) {
      stopped_ = true;
      failed_(started.error());
    }
  }
}

void Part::settled(std::size_t place) {
  if (is_settled_[place]) {
    return;
  }
  is_settled_[place] = true;
  --connecting_;
  // Not inside a callback of the agent's.
  world_.loop.post([this] { start_more(); });
}

std::vector<std::pair<std::size_t, std::string>> Part::stop() {
  stopped_ = true;
  std::vector<std::pair<std::size_t, std::string>> out;
  out.reserve(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    std::string journal = i < agents_.size() ? agents_[i]->stop() : members_[i].journal;
    out.emplace_back(members_[i].index, std::move(journal));
  }
  agents_.clear();
  return out;
}

}  // namespace reachback::fleet
