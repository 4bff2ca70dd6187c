#include "fleet/behaviour.h"

#include <algorithm>
#include <charconv>

namespace reachback::fleet {
namespace {

constexpr std::array<std::string_view, kBehaviours> kNames = {"instant", "slow",     "chatty",
                                                              "big",     "flapping", "lying"};

Result<void> take(std::string_view word, Mix& mix) {
  const auto wrong = [&](std::string_view why) {
    return Error{Errc::invalid_input, "'" + std::string(word) + "' " + std::string(why)};
  };
  const auto equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const auto* const known = std::find(kNames.begin(), kNames.end(), name);
  if (known == kNames.end()) {
    return wrong("is none of instant, slow, chatty, big, flapping, lying");
  }
  unsigned share = 1;
  if (equals != std::string_view::npos) {
    const std::string_view number = word.substr(equals + 1);
    const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), share);
    if (failed != std::errc() || end != number.data() + number.size() || share > kShareMax) {
      return wrong("has no share from 0 to 1000000");
    }
  }
  unsigned& place = mix[static_cast<std::size_t>(known - kNames.begin())];
  if (place != 0) {
    return wrong("stands there twice");
  }
  place = share;
  return {};
}

}  // namespace

std::string_view text_of(Behaviour behaviour) {
  return kNames[static_cast<std::size_t>(behaviour)];
}

Result<Mix> parse_mix(std::string_view text) {
  Mix mix{};
  while (true) {
    const auto comma = text.find(',');
    RB_TRY(take(text.substr(0, comma), mix));
    if (comma == std::string_view::npos) {
      break;
    }
    text.remove_prefix(comma + 1);
  }
  if (std::all_of(mix.begin(), mix.end(), [](unsigned share) { return share == 0; })) {
    return Error{Errc::invalid_input, "every share is 0"};
  }
  return mix;
}

// Whoever is furthest behind its share is next.
std::vector<Behaviour> assign(const Mix& mix, std::size_t agents) {
  std::int64_t whole = 0;
  for (const unsigned share : mix) {
    whole += share;
  }
  std::array<std::int64_t, kBehaviours> behind{};
  std::vector<Behaviour> out;
  out.reserve(agents);
  while (out.size() < agents) {
    for (std::size_t i = 0; i < kBehaviours; ++i) {
      behind[i] += mix[i];
    }
    auto* const next = std::max_element(behind.begin(), behind.end());
    *next -= whole;
    out.push_back(static_cast<Behaviour>(next - behind.begin()));
  }
  return out;
}

}  // namespace reachback::fleet
