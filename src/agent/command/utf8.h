// UTF-8 out of pieces of any length. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reachback::agent {

// Appends to `out` the inside of a JSON string: what comes in, with the escapes of JSON, and U+FFFD
// for what is not UTF-8.
class JsonText {
 public:
  explicit JsonText(std::string& out) : out_(out) {}
  void add(std::string_view piece);
  void finish();  // a sequence left open is not UTF-8
  bool is_exact() const { return exact_; }

 private:
  void add_byte(unsigned char c);
  void add_ascii(unsigned char c);
  void give_up();

  std::string& out_;
  bool exact_ = true;
  // The open sequence: what came, what must come, and the range of the next byte.
  char held_[4] = {};
  int have_ = 0;
  int need_ = 0;
  unsigned char low_ = 0x80;
  unsigned char high_ = 0xbf;
};

}  // namespace reachback::agent
