#include "server/link/output_reads.h"

#include <utility>

namespace reachback::server {

std::uint64_t OutputReads::add(const void* session, Done<pb::OutputPiece> done) {
  Done<pb::OutputPiece> oldest;
  std::uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    Reads& reads = waiting_[session];
    if (reads.size() >= kOfSessionMax) {
      oldest = std::move(reads.begin()->second);
      reads.erase(reads.begin());
    }
    number = next_++;
    reads.emplace(number, std::move(done));
  }
  if (oldest) {
    oldest(Error{Errc::unavailable, "the agent does not answer"});
  }
  return number;
}

Done<pb::OutputPiece> OutputReads::take(const void* session, std::uint64_t number) {
  MutexLock lock(mutex_);
  auto of = waiting_.find(session);
  if (of == waiting_.end()) {
    return {};
  }
  auto taken = of->second.extract(number);
  if (of->second.empty()) {
    waiting_.erase(of);
  }
  return taken ? std::move(taken.mapped()) : Done<pb::OutputPiece>();
}

bool OutputReads::answered(const void* session, const pb::OutputPiece& piece) {
  const Done<pb::OutputPiece> done = take(session, piece.number());
  if (!done) {
    return false;
  }
  done(piece);
  return true;
}

void OutputReads::fail(const void* session, std::uint64_t number, const Error& why) {
  if (const Done<pb::OutputPiece> done = take(session, number)) {
    done(why);
  }
}

void OutputReads::lost(const void* session) {
  Reads over;
  {
    MutexLock lock(mutex_);
    if (auto of = waiting_.extract(session)) {
      over = std::move(of.mapped());
    }
  }
  for (const auto& [number, done] : over) {
    done(Error{Errc::unavailable, "the agent is not connected any more"});
  }
}

}  // namespace reachback::server
