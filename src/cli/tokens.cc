#include "cli/tokens.h"

#include <algorithm>
#include <chrono>

#include "base/bytes.h"
#include "cli/api.h"
#include "cli/login_file.h"
#include "json/json.h"

namespace reachback::cli {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::int64_t kDay_s = 24LL * 3600;
constexpr std::int64_t kMargin_s = 60;  // renewed this long before its end

std::string text(const json::Object& object, const char* name) {
  const json::Value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

class ApplicationTokens final : public Tokens {
 public:
  explicit ApplicationTokens(const Config& config) : config_(config) {}

  Result<Secret> get(const Ask& ask, const Secret& refused) override {
    if (!token_.empty() && token_.reveal() != refused.reveal() && SteadyClock::now() < until_) {
      return token_;
    }
    RB_TRY_ASSIGN(
        const PlainAnswer answer,
        ask("grant_type=client_credentials&client_id=" + percent_encode(config_.client_id) +
            "&client_secret=" + percent_encode(config_.client_secret.reveal()) +
            "&scope=" + percent_encode(config_.url + "/.default")));
    RB_TRY_ASSIGN(const TokenAnswer got, read_token_answer(answer, config_.url));
    token_ = got.access;
    until_ = SteadyClock::now() + seconds(got.lifetime_s - kMargin_s);
    return token_;
  }

 private:
  const Config config_;
  Secret token_;
  SteadyClock::time_point until_;
};

class LoginTokens final : public Tokens {
 public:
  LoginTokens(const Config& config, std::function<std::int64_t()> now_s)
      : config_(config), now_s_(std::move(now_s)) {}

  Result<Secret> get(const Ask& ask, const Secret& refused) override {
    if (!counts(refused)) {
      RB_TRY(load());
    }
    if (counts(refused)) {
      return login_->access;
    }
    // Whoever renews first does it for all: the others find it when they get the lock.
    RB_TRY_ASSIGN(const Fd lock, lock_logins(config_.login_file));
    RB_TRY(load());
    if (counts(refused)) {
      return login_->access;
    }
    return renew(ask);
  }

 private:
  bool counts(const Secret& refused) const {
    return login_ && !login_->access.empty() && login_->access.reveal() != refused.reveal() &&
           now_s_() < login_->access_until_s - kMargin_s;
  }
  Result<void> load() {
    RB_TRY_ASSIGN(std::vector<Login> logins, read_logins(config_.login_file));
    const Login* found = find_login(logins, config_);
    if (found == nullptr) {
      return Error{Errc::unauthenticated, "nobody is signed in: reachback login"};
    }
    login_ = *found;
    return {};
  }
  Result<Secret> renew(const Ask& ask) {
    if (login_->refresh.empty()) {
      return over();
    }
    RB_TRY_ASSIGN(const PlainAnswer answer,
                  ask("grant_type=refresh_token&client_id=" + percent_encode(login_->client_id) +
                      "&refresh_token=" + percent_encode(login_->refresh.reveal())));
    auto got = read_token_answer(answer, config_.url);
    if (!got) {
      if (answer.status == 400 || answer.status == 401) {
        RB_TRY(forget_login(config_.login_file, *login_));
        return over();
      }
      return got.error();
    }
    login_->access = got->access;
    login_->access_until_s = now_s_() + got->lifetime_s;
    if (!got->refresh.empty()) {
      login_->refresh = got->refresh;
    }
    RB_TRY(renew_login(config_.login_file, *login_));
    return login_->access;
  }
  Error over() const {
    return Error{Errc::unauthenticated,
                 "the sign-in of " + login_->user + " is over: reachback login"};
  }

  const Config config_;
  const std::function<std::int64_t()> now_s_;
  std::optional<Login> login_;
};

}  // namespace

std::unique_ptr<Tokens> application_tokens(const Config& config) {
  return std::make_unique<ApplicationTokens>(config);
}

std::unique_ptr<Tokens> login_tokens(const Config& config, std::function<std::int64_t()> now_s) {
  return std::make_unique<LoginTokens>(config, std::move(now_s));
}

std::int64_t unix_now_s() {
  return std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<TokenAnswer> read_token_answer(const PlainAnswer& answer, const std::string& url) {
  if (answer.status != 200) {
    return Error{code_of_status(answer.status),
                 "no token: " + describe_refusal(answer.status, answer.body)};
  }
  auto body = json::parse(answer.body);
  TokenAnswer out;
  if (body && body->is_object()) {
    const json::Object& object = body->get_object();
    out.access = Secret(text(object, "access_token"));
    out.refresh = Secret(text(object, "refresh_token"));
    out.id_token = text(object, "id_token");
    const json::Value* lifetime = object.if_contains("expires_in");
    out.lifetime_s = lifetime != nullptr && lifetime->is_int64()
                         ? std::clamp<std::int64_t>(lifetime->get_int64(), 0, kDay_s)
                         : 0;
  }
  if (out.access.empty()) {
    return Error{Errc::protocol,
                 url + ": the answer holds no token: see that it is a Reachback server"};
  }
  return out;
}

}  // namespace reachback::cli
