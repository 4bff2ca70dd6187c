#include "json/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>
#include <cmath>
#include <set>
#include <vector>

#include "base/bytes.h"

namespace reachback::json {
namespace {

constexpr std::size_t kMaxDepth = 16;  // Source: trust.md T27

// Builds nothing: finds duplicate keys, which a DOM has already merged away, and numbers that
// are no double: Boost.JSON reads 1e400 as infinity and 0e400 as NaN, which no JSON text can say.
class DuplicateKeys {
 public:
  constexpr static std::size_t max_object_size = std::size_t(-1);
  constexpr static std::size_t max_array_size = std::size_t(-1);
  constexpr static std::size_t max_key_size = std::size_t(-1);
  constexpr static std::size_t max_string_size = std::size_t(-1);
  using error_code = boost::json::error_code;
  using string_view = boost::json::string_view;

  std::string duplicate;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    open_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    open_.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(string_view s, std::size_t, error_code&) {
    key_.append(s.data(), s.size());
    return true;
  }
  bool on_key(string_view s, std::size_t, error_code&) {
    key_.append(s.data(), s.size());
    if (!open_.back().insert(key_).second && duplicate.empty()) {
      duplicate = key_;
      found_ = true;
    }
    key_.clear();
    return true;
  }
  bool on_string_part(string_view, std::size_t, error_code&) { return true; }
  bool on_string(string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double value, string_view, error_code&) {
    out_of_range_ = out_of_range_ || !std::isfinite(value);
    return true;
  }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
  bool found() const { return found_; }
  bool out_of_range() const { return out_of_range_; }

 private:
  std::vector<std::set<std::string>> open_;
  std::string key_;
  bool found_ = false;
  bool out_of_range_ = false;
};

boost::json::parse_options options() {
  boost::json::parse_options opt;
  opt.max_depth = kMaxDepth;
  return opt;
}

}  // namespace

Result<Value> parse(std::string_view text) {
  if (text.empty()) {
    return Error{Errc::invalid_body, "Request body is empty"};
  }
  if (!is_valid_utf8(text)) {
    return Error{Errc::invalid_body, "Request body is not valid UTF-8"};
  }
  boost::json::error_code error;
  Value value = boost::json::parse(text, error, {}, options());
  if (error) {
    return Error{Errc::invalid_body, "Request body is not valid JSON: " + error.message()};
  }
  boost::json::basic_parser<DuplicateKeys> scan(options());
  scan.write_some(/*more=*/false, text.data(), text.size(), error);
  if (error) {
    return Error{Errc::invalid_body, "Request body is not valid JSON: " + error.message()};
  }
  if (scan.handler().found()) {
    return Error{Errc::invalid_body,
                 "Request body has the key '" + scan.handler().duplicate + "' twice"};
  }
  if (scan.handler().out_of_range()) {
    return Error{Errc::invalid_body, "Request body has a number that is out of range"};
  }
  return value;
}

std::string quote(std::string_view text) {
  if (is_valid_utf8(text)) {
    return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
  }
  return boost::json::serialize(boost::json::string_view(to_valid_utf8(text)));
}

}  // namespace reachback::json
