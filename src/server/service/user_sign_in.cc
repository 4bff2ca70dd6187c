#include "server/service/user_sign_in.h"

#include <algorithm>

#include "crypto/digest.h"
#include "crypto/totp.h"

namespace reachback::server {
namespace {

Error wrong() {
  return Error{Errc::invalid_grant, "The user name, the password or the one-time code is wrong"};
}

// The step of a code that is right now; 0: it is not.
std::uint64_t step_of(const std::string& key, std::string_view code, Timestamp now) {
  const std::uint64_t present = crypto::totp_step(now);
  std::uint64_t found = 0;
  for (std::uint64_t step = present > 0 ? present - 1 : 0; step <= present + 1; ++step) {
    if (crypto::constant_time_equal(crypto::totp_code(key, step), code)) {
      found = step;
    }
  }
  return found;
}

}  // namespace

void UserSignIn::check(TenantId tenant, UserCredentials credentials, Done<User> done) {
  std::string name = std::move(credentials.name);
  users_.user_by_name(
      tenant, std::move(name),
      [this, credentials = std::move(credentials), done = std::move(done)](Result<User> found) {
        if (!found && found.error().code != Errc::not_found) {
          done(found.error());
          return;
        }
        User user = found ? *std::move(found) : User();
        std::string stored = user.password;  // of nobody: empty, and the same work is done
        passwords_.verify(std::move(stored), credentials.password,
                          [this, user = std::move(user), code = credentials.code,
                           done](Result<bool> right) mutable {
                            if (!right) {
                              done(right.error());
                            } else if (!*right || user.disabled) {
                              done(wrong());
                            } else {
                              check_code(std::move(user), code, std::move(done));
                            }
                          });
      });
}

void UserSignIn::check_code(User user, const Secret& code, Done<User> done) {
  if (user.totp_key.empty()) {
    done(std::move(user));
    return;
  }
  std::string digits(code.reveal());
  std::erase(digits, ' ');
  const std::uint64_t step = step_of(user.totp_key, digits, clock_.now());
  if (step == 0) {
    done(wrong());
    return;
  }
  // Used up on disk, before anybody is let in by it.
  const TenantId tenant = user.tenant;
  const UserId id = user.id;
  users_.use_code(
      tenant, id, step,
      [user = std::move(user), done = std::move(done)](const Result<void>& used) mutable {
        if (used) {
          done(std::move(user));
        } else {
          done(used.error().code == Errc::conflict ? wrong() : used.error());
        }
      });
}

}  // namespace reachback::server
