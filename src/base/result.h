// Errors are values: a function that can fail returns Result<T>, either a value or an Error.
// Every type here is a plain value, usable from any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/errc.h"

namespace reachback {

// What went wrong. `code` says what the caller should do, `message` names the input or the object
// for a person.
struct Error {
  Errc code = Errc::internal;
  std::string message;

  // Puts the operation in front on the way up: "open library: no such file".
  [[nodiscard]] Error in(std::string_view operation) const {
    return Error{code, std::string(operation) + ": " + message};
  }
  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T = void>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  const T& value() const& { return std::get<0>(state_); }
  T& value() & { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): value() checks; asking is the bug
  const Error& error() const { return error_.value(); }

 private:
  std::optional<Error> error_;
};

// Called exactly once with the outcome of an asynchronous call. Each port says on which thread.
template <typename T = void>
using Done = std::function<void(Result<T>)>;

}  // namespace reachback

// Declaration forms, because g++ 12 crashes on statement expressions around co_await and they hide
// a return.
#define RB_CONCAT_(a, b) a##b
#define RB_CONCAT(a, b) RB_CONCAT_(a, b)

// RB_TRY(call): returns the error of a Result<void> (or any Result whose value is not needed).
#define RB_TRY(expr)                                    \
  do {                                                  \
    if (auto&& rb_result_ = (expr); !rb_result_.ok()) { \
      return rb_result_.error();                        \
    }                                                   \
  } while (false)

// RB_TRY_ASSIGN(auto x, call): declares x with the value or returns the error.
#define RB_TRY_ASSIGN(decl, expr) RB_TRY_ASSIGN_(decl, expr, RB_CONCAT(rb_result_, __LINE__))
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and a name cannot stand in parentheses.
#define RB_TRY_ASSIGN_(decl, expr, tmp) \
  auto tmp = (expr);                    \
  if (!tmp.ok()) {                      \
    return tmp.error();                 \
  }                                     \
  decl = std::move(tmp).value()
// NOLINTEND(bugprone-macro-parentheses)
