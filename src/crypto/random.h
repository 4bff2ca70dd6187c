// Randomness from OpenSSL's generator, seeded by the kernel.
#pragma once

#include "base/random.h"

namespace reachback::crypto {

class SystemRandom : public Random {
 public:
  void fill(std::uint8_t* out,
            std::size_t size) override;  // Aborts if the generator has no entropy.
};

}  // namespace reachback::crypto
