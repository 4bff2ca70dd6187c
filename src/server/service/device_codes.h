// Device codes: a program without a browser shows a short code, and its user signs in elsewhere.
// Source: RFC 8628.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/service/authorization_codes.h"

namespace reachback::server {

struct DeviceCodeLimits {
  Duration lifetime{};
  Duration interval{};  // between two questions of the program
  std::size_t pending = 0;
  std::uint32_t misses = 0;  // failed sign-ins after which a code is over
};

struct DeviceStart {
  std::string device_code;  // for the program; 256 bits
  std::string user_code;    // for the user: eight consonants, "BCDF-GHJK"
};

struct DeviceDone {
  DelegatedAsk ask;
  SignedInUser user;
  GrantId grant;
};

// In memory only: after a restart the program has to begin again. Thread-safe.
class DeviceCodes {
 public:
  // random: borrowed.
  DeviceCodes(Random& random, DeviceCodeLimits limits) : random_(random), limits_(limits) {}

  // app_name, peer_ip: shown to the user before it says yes. Errors: too_many_requests.
  Result<DeviceStart> add(DelegatedAsk ask, std::string app_name, std::string peer_ip,
                          Timestamp now);

  struct Waiting {
    DelegatedAsk ask;
    std::string app_name, peer_ip;
  };
  // Of a code that waits for its user's word; letters in either case, blanks and dashes do not
  // count.
  std::optional<Waiting> find(std::string_view user_code, Timestamp now);
  // A sign-in for it failed.
  void miss(std::string_view user_code, Timestamp now);
  // The user's word. False: nothing waits for it.
  bool approve(std::string_view user_code, SignedInUser user, Timestamp now);
  bool deny(std::string_view user_code, Timestamp now);

  // The program asks; a yes is given out once. Errors: invalid_grant (no such code of this
  // application, or given out), expired_code, code_pending, slow_down (asked before the interval
  // was over, which is 5 s longer from now on; Source: RFC 8628 §3.5), access_denied.
  Result<DeviceDone> poll(std::string_view device_code, const TenantId& tenant, const AppId& app,
                          Timestamp now);

 private:
  enum class State { waiting, approved, denied };
  struct Entry {
    Waiting what;
    std::string user_code;  // without the dash
    GrantId grant;
    Timestamp expires;
    Duration interval{};
    std::optional<Timestamp> asked;
    State state = State::waiting;
    SignedInUser user;
    std::uint32_t misses = 0;
  };
  Entry* waiting(std::string_view user_code, Timestamp now) RB_REQUIRES(mutex_);
  void forget_old(Timestamp now) RB_REQUIRES(mutex_);

  Random& random_;
  const DeviceCodeLimits limits_;
  Mutex mutex_;
  std::map<Sha256, Entry> entries_ RB_GUARDED_BY(mutex_);  // by the digest of the device code
  std::map<std::string, Sha256, std::less<>> by_user_code_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
