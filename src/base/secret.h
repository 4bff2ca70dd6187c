// A value that must not reach a log, an error message or a comparison operator.
#pragma once

#include <string>
#include <string_view>

namespace reachback {

// Has no operator==, no stream or fmt form: compare digests with crypto::constant_time_equal on
// reveal().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  std::string_view reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace reachback
