#include "server/service/device_codes.h"

#include "base/bytes.h"
#include "crypto/digest.h"

namespace reachback::server {
namespace {

// No vowels, so no words; nothing that looks like something else. Source: RFC 8628 §6.1.
constexpr std::string_view kLetters = "BCDFGHJKLMNPQRSTVWXZ";
constexpr std::size_t kUserCodeLetters = 8;
constexpr Duration kSlowDown = std::chrono::seconds(5);
// A code that is over is still known for a while, so that its program is told so.
constexpr Duration kKeptAfter = std::chrono::minutes(5);

std::string make_user_code(Random& random) {
  std::string out;
  while (out.size() < kUserCodeLetters) {
    for (char c : random.bytes(2 * kUserCodeLetters)) {
      const auto n = static_cast<unsigned char>(c);
      // 240 is the largest multiple of 20 in a byte: each letter equally often.
      if (n < 240 && out.size() < kUserCodeLetters) {
        out += kLetters[n % kLetters.size()];
      }
    }
  }
  return out;
}

std::string folded(std::string_view user_code) {
  std::string out;
  for (char c : user_code.substr(0, 64)) {
    if (c >= 'a' && c <= 'z') {
      out += static_cast<char>(c - 'a' + 'A');
    } else if (c != '-' && c != ' ') {
      out += c;
    }
  }
  return out;
}

}  // namespace

Result<DeviceStart> DeviceCodes::add(DelegatedAsk ask, std::string app_name, std::string peer_ip,
                                     Timestamp now) {
  MutexLock lock(mutex_);
  forget_old(now);
  if (entries_.size() >= limits_.pending) {
    return Error{Errc::too_many_requests, "Too many are signing in, try again later"};
  }
  Entry entry;
  entry.what = {std::move(ask), std::move(app_name), std::move(peer_ip)};
  entry.grant = GrantId::make(random_);
  entry.expires = now + limits_.lifetime;
  entry.interval = limits_.interval;
  do {
    entry.user_code = make_user_code(random_);
  } while (by_user_code_.contains(entry.user_code));
  DeviceStart out;
  out.device_code = to_base64url(random_.bytes(32));
  out.user_code = entry.user_code.substr(0, 4) + "-" + entry.user_code.substr(4);
  const Sha256 key = crypto::sha256(out.device_code);
  by_user_code_.emplace(entry.user_code, key);
  entries_.emplace(key, std::move(entry));
  return out;
}

DeviceCodes::Entry* DeviceCodes::waiting(std::string_view user_code, Timestamp now) {
  auto key = by_user_code_.find(folded(user_code));
  if (key == by_user_code_.end()) {
    return nullptr;
  }
  Entry& entry = entries_.at(key->second);
  return entry.state == State::waiting && now < entry.expires ? &entry : nullptr;
}

std::optional<DeviceCodes::Waiting> DeviceCodes::find(std::string_view user_code, Timestamp now) {
  MutexLock lock(mutex_);
  Entry* entry = waiting(user_code, now);
  return entry != nullptr ? std::optional(entry->what) : std::nullopt;
}

void DeviceCodes::miss(std::string_view user_code, Timestamp now) {
  MutexLock lock(mutex_);
  if (Entry* entry = waiting(user_code, now);
      entry != nullptr && ++entry->misses >= limits_.misses) {
    entry->expires = now;
  }
}

bool DeviceCodes::approve(std::string_view user_code, SignedInUser user, Timestamp now) {
  MutexLock lock(mutex_);
  Entry* entry = waiting(user_code, now);
  if (entry == nullptr) {
    return false;
  }
  entry->state = State::approved;
  entry->user = std::move(user);
  return true;
}

bool DeviceCodes::deny(std::string_view user_code, Timestamp now) {
  MutexLock lock(mutex_);
  Entry* entry = waiting(user_code, now);
  if (entry == nullptr) {
    return false;
  }
  entry->state = State::denied;
  return true;
}

Result<DeviceDone> DeviceCodes::poll(std::string_view device_code, const TenantId& tenant,
                                     const AppId& app, Timestamp now) {
  MutexLock lock(mutex_);
  auto found = entries_.find(crypto::sha256(device_code));
  if (found == entries_.end() || found->second.what.ask.tenant != tenant ||
      found->second.what.ask.app != app) {
    return Error{Errc::invalid_grant, "The device code is not known, or was used"};
  }
  Entry& entry = found->second;
  if (now >= entry.expires) {
    return Error{Errc::expired_code, "The device code is over, begin again"};
  }
  const bool too_soon = entry.asked && now < *entry.asked + entry.interval;
  entry.asked = now;
  if (too_soon) {
    entry.interval += kSlowDown;
    return Error{Errc::slow_down, "The device code is asked about too often"};
  }
  switch (entry.state) {
    case State::waiting:
      return Error{Errc::code_pending, "The user has not answered yet"};
    case State::denied:
      return Error{Errc::access_denied, "The user said no"};
    case State::approved:
      break;
  }
  DeviceDone done{std::move(entry.what.ask), std::move(entry.user), entry.grant};
  by_user_code_.erase(entry.user_code);
  entries_.erase(found);
  return done;
}

void DeviceCodes::forget_old(Timestamp now) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (now < at->second.expires + kKeptAfter) {
      ++at;
      continue;
    }
    by_user_code_.erase(at->second.user_code);
    at = entries_.erase(at);
  }
}

}  // namespace reachback::server
