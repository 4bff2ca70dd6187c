#include "crypto/random.h"

#include <openssl/rand.h>

#include <cstdlib>

namespace reachback::crypto {

void SystemRandom::fill(std::uint8_t* out, std::size_t size) {
  if (RAND_bytes(out, static_cast<int>(size)) != 1) {
    std::abort();
  }
}

}  // namespace reachback::crypto
