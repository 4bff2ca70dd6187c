// What `reachback login` leaves behind: ~/.config/reachback/logins.json, for its owner's eyes only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/secret.h"

namespace reachback::cli {

struct Config;

struct Login {
  std::string url, tenant, client_id, ca;
  std::string user;
  Secret access, refresh;
  std::int64_t access_until_s = 0;  // Unix time
};

// Newest first; empty when there is no file. Errors: forbidden (others can read it, it is somebody
// else's or no plain file), corrupt, io. Each says what to do.
Result<std::vector<Login>> read_logins(const std::string& path);

// The login of that server; of any tenant and application that the configuration leaves open.
const Login* find_login(const std::vector<Login>& logins, const Config& config);

// Puts it first, in place of one for the same server, tenant and application; 32 are kept. The
// caller holds the lock. Errors: as read_logins(), storage_full.
Result<void> keep_login(const std::string& path, const Login& login);
// Where it stands; nothing when it is no longer there.
Result<void> renew_login(const std::string& path, const Login& login);
Result<void> forget_login(const std::string& path, const Login& login);

// Held until the descriptor is closed. Waits for other programs of ours. Errors: io.
Result<Fd> lock_logins(const std::string& path);

}  // namespace reachback::cli
