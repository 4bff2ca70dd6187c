// Every limit of the API, by profile: api/limits.json, which is compiled in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace reachback::server::rest {

// The year of MDE's documents that the server follows: limits, permissions and quirks.
enum class Profile { y2021, y2025, y2026 };

// "2021", "2025", "2026"; nullopt otherwise.
std::optional<Profile> parse_profile(std::string_view text);
std::string_view name_of(Profile profile);  // "2026"

struct Limit {
  std::string name;
  std::uint64_t value = 0;
  std::string unit;    // "s", "bytes", "calls", ...
  std::string source;  // the document and its date; "ours: ..." where MDE's pages say nothing
};

// Immutable after loading; any thread.
class Limits {
 public:
  // The limits that are compiled in. Errors: corrupt (names what is wrong; a build that passed its
  // tests has none).
  static Result<Limits> load();
  // As load(), from the text of a limits.json.
  static Result<Limits> parse(std::string_view json);

  // Aborts on a name that is not in the file: names are constants of the program.
  const Limit& limit(Profile profile, std::string_view name) const;
  std::uint64_t value(Profile profile, std::string_view name) const {
    return limit(profile, name).value;
  }
  // A limit whose unit is "s".
  Duration duration(Profile profile, std::string_view name) const;
  const std::vector<Limit>& all(Profile profile) const;

 private:
  std::vector<Limit> by_profile_[3];
};

}  // namespace reachback::server::rest
