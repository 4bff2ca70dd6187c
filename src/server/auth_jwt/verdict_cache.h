// Remembers tokens that were found good, so that the next call with the same token costs a hash
// instead of a signature. Bounded; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "crypto/digest.h"
#include "server/ports/tokens.h"

namespace reachback::server {

struct Verdict {
  Principal principal;
  std::optional<AppId> app;  // of our own tokens
  Timestamp issued{};
  Timestamp valid_from{};   // asked before that, the token is to be checked again
  Timestamp valid_until{};  // and from then on too
  std::size_t issuer = 0;
  std::uint64_t keys_generation = 0;  // of that issuer when the signature was checked
};

class VerdictCache {
 public:
  explicit VerdictCache(std::size_t verdicts_max);
  std::shared_ptr<const Verdict> find(const Sha256& token) const;  // nullptr: not known
  // The oldest entry makes room.
  void put(const Sha256& token, std::shared_ptr<const Verdict> verdict);
  std::size_t size() const;

 private:
  struct Hash {
    std::size_t operator()(const Sha256& key) const {
      std::size_t out = 0;
      std::memcpy(&out, key.data() + 8, sizeof out);
      return out;
    }
  };
  struct Equal {
    bool operator()(const Sha256& a, const Sha256& b) const {
      return crypto::constant_time_equal(as_bytes(a), as_bytes(b));
    }
  };
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<Sha256, std::shared_ptr<const Verdict>, Hash, Equal> verdicts
        RB_GUARDED_BY(mutex);
    // A ring: the next place holds the oldest key.
    std::vector<Sha256> order RB_GUARDED_BY(mutex);
    std::size_t next RB_GUARDED_BY(mutex) = 0;
  };
  static constexpr std::size_t kShards = 16;

  std::size_t shard_max_;
  std::array<Shard, kShards> shards_;
};

}  // namespace reachback::server
