// What a simulated agent does with an order, and how many of a fleet do what. Values; pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace reachback::fleet {

enum class Behaviour : std::uint8_t {
  instant,   // a script ends at once
  slow,      // after a while
  chatty,    // writes lines of output all along
  big,       // leaves a large result
  flapping,  // takes a while, and loses its connection at any moment
  lying,     // as instant; beside the truth it says what a server must refuse
};
inline constexpr std::size_t kBehaviours = 6;
std::string_view text_of(Behaviour behaviour);

// Shares of a fleet, by behaviour; not all of them 0.
using Mix = std::array<unsigned, kBehaviours>;
inline constexpr Mix kAllInstant = {1, 0, 0, 0, 0, 0};
inline constexpr unsigned kShareMax = 1'000'000;

// "instant=90,slow=10"; a name without a number has share 1. Errors: invalid_input, naming the
// word.
Result<Mix> parse_mix(std::string_view text);

// One for each of `agents`, spread evenly: any run of neighbours has the shares of the whole, as
// nearly as whole agents can, so that a larger fleet keeps what the smaller one had.
std::vector<Behaviour> assign(const Mix& mix, std::size_t agents);

// How long, how much, how often.
struct Pace {
  Duration slow_min = std::chrono::seconds(1);
  Duration slow_max = std::chrono::seconds(10);
  Duration chatty_for = std::chrono::seconds(5);
  Duration chatty_every = std::chrono::milliseconds(100);  // a line
  std::uint64_t big_bytes = 8 << 20;
  Duration flap_mean = std::chrono::seconds(5);     // connected, between two cuts
  Duration flap_run_max = std::chrono::seconds(2);  // a flapping agent's script
};

}  // namespace reachback::fleet
