#include "server/link/output_reads.h"

#include <vector>

namespace reachback::server {

std::uint64_t OutputReads::add(const void* session, Done<pb::OutputPiece> done) {
  Done<pb::OutputPiece> oldest;
  std::uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    std::size_t count = 0;
    auto first = waiting_.end();
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (it->second.session == session && count++ == 0) {
        first = it;
      }
    }
    if (count >= kOfSessionMax) {
      oldest = std::move(first->second.done);
      waiting_.erase(first);
    }
    number = next_++;
    waiting_.emplace(number, Read{session, std::move(done)});
  }
  if (oldest) {
    oldest(Error{Errc::unavailable, "the agent does not answer"});
  }
  return number;
}

bool OutputReads::answered(const void* session, const pb::OutputPiece& piece) {
  Done<pb::OutputPiece> done;
  {
    MutexLock lock(mutex_);
    auto found = waiting_.find(piece.number());
    if (found == waiting_.end() || found->second.session != session) {
      return false;
    }
    done = std::move(found->second.done);
    waiting_.erase(found);
  }
  done(piece);
  return true;
}

void OutputReads::fail(std::uint64_t number, const Error& why) {
  Done<pb::OutputPiece> done;
  {
    MutexLock lock(mutex_);
    auto found = waiting_.find(number);
    if (found == waiting_.end()) {
      return;
    }
    done = std::move(found->second.done);
    waiting_.erase(found);
  }
  done(why);
}

void OutputReads::lost(const void* session) {
  std::vector<Done<pb::OutputPiece>> over;
  {
    MutexLock lock(mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      if (it->second.session == session) {
        over.push_back(std::move(it->second.done));
        it = waiting_.erase(it);
      } else {
        ++it;
      }
    }
  }
  for (auto& done : over) {
    done(Error{Errc::unavailable, "the agent is not connected any more"});
  }
}

}  // namespace reachback::server
