// The same bytes for the same seed, on every machine.
#pragma once

#include "base/mutex.h"
#include "base/random.h"

namespace reachback::testing {

// SplitMix64. Thread-safe; the order of calls decides who gets which bytes. Never for keys.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::uint8_t* out, std::size_t size) override {
    MutexLock lock(mutex_);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (i % 8 == 0) {
        word = next();
      }
      out[i] = static_cast<std::uint8_t>(word >> (8 * (i % 8)));
    }
  }

 private:
  std::uint64_t next() RB_REQUIRES(mutex_) {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  Mutex mutex_;
  std::uint64_t state_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::testing
