// Passwords by Argon2id.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "base/mutex.h"
#include "base/random.h"
#include "server/ports/passwords.h"

namespace reachback::server {

struct Argon2Cost {
  std::uint32_t memory_kib = 64 << 10;  // Source: RFC 9106 §4, second recommended option
  std::uint32_t passes = 3;
  std::uint32_t lanes = 4;
};

// Thread-safe. One thread verifies, so that 64 MiB is all that sign-ins cost at a time; it starts
// with the first of them.
class Argon2Passwords : public Passwords {
 public:
  // random: borrowed. waiting_max: verifications that wait for the thread.
  Argon2Passwords(Random& random, Argon2Cost cost = {}, std::size_t waiting_max = 64);
  ~Argon2Passwords() override;  // what waits is answered unavailable
  Argon2Passwords(const Argon2Passwords&) = delete;
  Argon2Passwords& operator=(const Argon2Passwords&) = delete;

  Result<std::string> hash(const Secret& password) override;
  void verify(std::string stored, Secret password, Done<bool> done) override;

 private:
  struct Work {
    std::string stored;
    Secret password;
    Done<bool> done;
  };
  void run();
  Result<bool> verify_now(const std::string& stored, const Secret& password);
  Result<std::string> hash_now(const Secret& password, std::string_view salt) const;

  Random& random_;
  const Argon2Cost cost_;
  const std::size_t waiting_max_;
  std::string nobodys_;  // a hash of a password that nobody knows; the thread's
  Mutex mutex_;
  Condition changed_;
  std::deque<Work> waiting_ RB_GUARDED_BY(mutex_);
  bool stopping_ RB_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace reachback::server
