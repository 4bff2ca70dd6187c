#include "server/passwords/argon2_passwords.h"

#include <argon2.h>

#include "base/bytes.h"

namespace reachback::server {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

Error failed(int code) {
  return Error{code == ARGON2_MEMORY_ALLOCATION_ERROR ? Errc::unavailable : Errc::internal,
               std::string("password hash: ") + argon2_error_message(code)};
}

}  // namespace

Argon2Passwords::Argon2Passwords(Random& random, Argon2Cost cost, std::size_t waiting_max)
    : random_(random), cost_(cost), waiting_max_(waiting_max) {}

Argon2Passwords::~Argon2Passwords() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
  MutexLock lock(mutex_);
  for (Work& work : waiting_) {
    work.done(Error{Errc::unavailable, "The server is stopping"});
  }
}

Result<std::string> Argon2Passwords::hash(const Secret& password) {
  const std::string_view text = password.reveal();
  if (text.size() < kPasswordBytesMin || text.size() > kPasswordBytesMax || !is_valid_utf8(text)) {
    return Error{Errc::invalid_input, "a password has from " + std::to_string(kPasswordBytesMin) +
                                          " to " + std::to_string(kPasswordBytesMax) +
                                          " bytes of UTF-8"};
  }
  return hash_now(password, random_.bytes(kSaltBytes));
}

Result<std::string> Argon2Passwords::hash_now(const Secret& password, std::string_view salt) const {
  const std::string_view text = password.reveal();
  std::string out(argon2_encodedlen(cost_.passes, cost_.memory_kib, cost_.lanes, kSaltBytes,
                                    kHashBytes, Argon2_id),
                  '\0');
  const int code =
      argon2id_hash_encoded(cost_.passes, cost_.memory_kib, cost_.lanes, text.data(), text.size(),
                            salt.data(), salt.size(), kHashBytes, out.data(), out.size());
  if (code != ARGON2_OK) {
    return failed(code);
  }
  out.resize(out.find('\0'));
  return out;
}

void Argon2Passwords::verify(std::string stored, Secret password, Done<bool> done) {
  {
    MutexLock lock(mutex_);
    if (waiting_.size() < waiting_max_) {
      waiting_.push_back({std::move(stored), std::move(password), std::move(done)});
      done = nullptr;
      if (!thread_.joinable()) {
        thread_ = std::thread([this] { run(); });
      }
    }
  }
  if (done) {
    done(Error{Errc::too_many_requests, "Too many are signing in, try again later"});
    return;
  }
  changed_.notify_one();
}

void Argon2Passwords::run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work.done(verify_now(work.stored, work.password));
    lock.lock();
  }
}

Result<bool> Argon2Passwords::verify_now(const std::string& stored, const Secret& password) {
  if (nobodys_.empty()) {
    // Made with the first check, whoever's it is: who is known takes no other time.
    RB_TRY_ASSIGN(nobodys_, hash_now(Secret(random_.bytes(32)), random_.bytes(kSaltBytes)));
  }
  const std::string& known = stored.empty() ? nobodys_ : stored;
  const std::string_view text =
      password.reveal().substr(0, kPasswordBytesMax + 1);  // longer ones are nobody's
  const int code = argon2id_verify(known.c_str(), text.data(), text.size());
  if (code == ARGON2_OK) {
    return !stored.empty();
  }
  if (code == ARGON2_VERIFY_MISMATCH) {
    return false;
  }
  if (code == ARGON2_MEMORY_ALLOCATION_ERROR) {
    return failed(code);
  }
  return Error{Errc::corrupt, std::string("stored password hash: ") + argon2_error_message(code)};
}

}  // namespace reachback::server
