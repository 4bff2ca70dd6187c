// What every target is made of. A target defines run(); it is called with one input after another,
// must depend on nothing else, and says FUZZ_CHECK of whatever must hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reachback::fuzz {

void run(std::string_view input);

// Prints the property and aborts: libFuzzer keeps the input.
[[noreturn]] void broken(const char* property, const char* file, int line);

// Takes pieces off the front of an input. Once it is over, zeros and empty texts come.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t byte();
  // A number below `bound` out of one byte. The digits '0', '1', … give 0, 1, …, so that seeds can
  // be read.
  unsigned choice(unsigned bound) { return static_cast<std::uint8_t>(byte() - '0') % bound; }
  std::string_view line();  // without its newline
  std::string_view rest() { return rest_; }

 private:
  std::string_view rest_;
};

// Cuts a text into pieces of irregular sizes that follow from `seed`; 0: one piece.
class Cuts {
 public:
  Cuts(std::string_view text, std::uint8_t seed) : text_(text), state_(seed), whole_(seed == 0) {}
  bool done() const { return text_.empty(); }
  std::string_view next();

 private:
  std::string_view text_;
  std::uint32_t state_;
  bool whole_;
};

}  // namespace reachback::fuzz

#define FUZZ_CHECK(condition)                                    \
  do {                                                           \
    if (!(condition)) {                                          \
      ::reachback::fuzz::broken(#condition, __FILE__, __LINE__); \
    }                                                            \
  } while (false)
