// A multipart/form-data body (RFC 7578).
#pragma once

#include <string>
#include <string_view>

namespace reachback::cli {

class Multipart {
 public:
  // boundary: random, so that no content holds it.
  explicit Multipart(std::string boundary) : boundary_("reachback-" + std::move(boundary)) {}
  void add(std::string_view name, std::string_view value);
  // name and filename: without quotes, backslashes and control characters.
  void add_file(std::string_view name, std::string_view filename, std::string_view content);
  std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }
  std::string body() const { return parts_ + "--" + boundary_ + "--\r\n"; }

 private:
  std::string boundary_;
  std::string parts_;
};

}  // namespace reachback::cli
