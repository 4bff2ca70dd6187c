// Enrolment tokens, as administrators make and end them.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "server/ports/directory.h"
#include "server/service/settings_caller.h"

namespace reachback::server {

struct NewEnrollmentToken {
  std::int64_t ttl_s = 3600;
  std::int64_t uses = 1;
  std::vector<std::string> tags;  // of the machines that it enrols
};

struct MadeEnrollmentToken {
  EnrollmentToken token;
  std::string secret;  // shown this once
};

// What a token is called in lists: of its digest, which opens nothing.
std::string id_of(const EnrollmentToken& token);

// Blocks on the store: any thread but a loop's. What it borrows outlives it.
class EnrollmentSettings {
 public:
  EnrollmentSettings(AppStore& apps, Clock& clock, Random& random, const TenantId& tenant)
      : apps_(apps), clock_(clock), random_(random), tenant_(tenant) {}

  // Errors: invalid_input (the field stands first), unavailable, storage_full.
  Result<MadeEnrollmentToken> create(const SettingsCaller& by, NewEnrollmentToken wanted);
  // Those that still enrol machines, the newest first; the newest thousand.
  Result<std::vector<EnrollmentToken>> list();
  // Errors: not_found (none of list() has this id), unavailable.
  Result<void> remove(const SettingsCaller& by, const std::string& id);

 private:
  AppStore& apps_;
  Clock& clock_;
  Random& random_;
  const TenantId tenant_;
};

}  // namespace reachback::server
