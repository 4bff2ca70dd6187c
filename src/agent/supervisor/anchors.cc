#include "agent/supervisor/anchors.h"

namespace reachback::agent {
namespace {
constexpr std::size_t kSessionsMax = 4;
constexpr std::size_t kHeartbeatsMax = 64;
}  // namespace

void Anchors::begin_session(std::string nonce, Duration since_boot) {
  sessions_.push_back(Session{std::move(nonce), 0, {since_boot}});
  if (sessions_.size() > kSessionsMax) {
    sessions_.pop_front();
  }
}

std::uint64_t Anchors::next_heartbeat(Duration since_boot) {
  if (sessions_.empty()) {
    return 0;
  }
  Session& session = sessions_.back();
  session.sent.push_back(since_boot);
  if (session.sent.size() > kHeartbeatsMax) {
    session.sent.pop_front();
    ++session.first;
  }
  return session.first + session.sent.size() - 1;
}

std::optional<Duration> Anchors::sent_at(const std::string& nonce, std::uint64_t heartbeat) const {
  for (const Session& session : sessions_) {
    if (session.nonce == nonce && heartbeat >= session.first &&
        heartbeat - session.first < session.sent.size()) {
      return session.sent[heartbeat - session.first];
    }
  }
  return std::nullopt;
}

}  // namespace reachback::agent
