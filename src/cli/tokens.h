// Who asks, and how calls show it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "cli/config.h"

namespace reachback::cli {

struct PlainAnswer {
  int status = 0;
  std::string body;
};

// Gives the token of a call. One for all conversations with a server; calls come one at a time.
class Tokens {
 public:
  virtual ~Tokens() = default;
  // POSTs a form to the token address.
  using Ask = std::function<Result<PlainAnswer>(const std::string& form)>;
  // refused: the token that the server did not take, empty when there is none: another is wanted.
  // Errors: unauthenticated, with what to do; those of `ask`.
  virtual Result<Secret> get(const Ask& ask, const Secret& refused) = 0;
};

// An application's, by its secret.
std::unique_ptr<Tokens> application_tokens(const Config& config);

// A user's, by what `reachback login` left in Config::login_file. An expired one is renewed under a
// lock, so that two programs never show one refresh token: the server would take that for a theft.
// now_s: Unix time.
std::unique_ptr<Tokens> login_tokens(const Config& config, std::function<std::int64_t()> now_s);

std::int64_t unix_now_s();

// What a token address gave.
struct TokenAnswer {
  Secret access, refresh;  // refresh: empty when there is none
  std::string id_token;
  std::int64_t lifetime_s = 0;
};
// Errors: the refusal's, protocol (no token in it).
Result<TokenAnswer> read_token_answer(const PlainAnswer& answer, const std::string& url);

}  // namespace reachback::cli
