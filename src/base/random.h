// Where randomness comes from, so that a simulator can seed it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace reachback {

// Thread-safe. The production one is crypto::SystemRandom.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::uint8_t* out, std::size_t size) = 0;

  std::string bytes(std::size_t size) {
    std::string out(size, '\0');
    fill(reinterpret_cast<std::uint8_t*>(out.data()), size);
    return out;
  }
  // Uniform in [0, bound); bound > 0. The bias for bound < 2^32 is below 2^-32.
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t v = 0;
    fill(reinterpret_cast<std::uint8_t*>(&v), sizeof v);
    return v % bound;
  }
};

}  // namespace reachback
