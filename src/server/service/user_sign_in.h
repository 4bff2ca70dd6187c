// A user signs in: by password and, if there is a key for them, one-time code.
#pragma once

#include <memory>
#include <string>

#include "base/secret.h"
#include "server/ports/passwords.h"
#include "server/ports/users.h"

namespace reachback::server {

struct UserCredentials {
  std::string name;
  Secret password;
  Secret code;  // six digits, blanks do not count; empty: none was given
};

// Any thread; `done` on a thread of the passwords' or the store's. Must outlive its calls.
class UserSignIn {
 public:
  // All borrowed.
  UserSignIn(UserStore& users, Passwords& passwords, Clock& clock)
      : users_(users), passwords_(passwords), clock_(clock) {}

  // The user, if all of it is right. A one-time code counts once and may be of the half-minute
  // before or after. One answer for whatever is wrong, an unknown or disabled user among it, after
  // the same work. Errors: invalid_grant, too_many_requests (as Passwords::verify), unavailable.
  // Source: RFC 6238 §5.2; trust.md §5.1 6.
  void check(TenantId tenant, UserCredentials credentials, Done<User> done);

 private:
  void check_code(User user, const Secret& code, Done<User> done);

  UserStore& users_;
  Passwords& passwords_;
  Clock& clock_;
};

}  // namespace reachback::server
