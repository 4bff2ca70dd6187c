// Pieces of the texts that a system keeps: lines, words, fields, numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reachback::agent::builtin {

// Each line without its end, counted from 1.
void for_each_line(std::string_view text,
                   const std::function<void(std::size_t, std::string_view)>& line);
// The fields between colons.
std::vector<std::string> fields_of(std::string_view line);
// The words between blanks.
std::vector<std::string_view> words_of(std::string_view line);
// Without blanks, tabs and carriage returns at both ends.
std::string_view trimmed(std::string_view text);
// A number in decimal digits, all of the text.
std::optional<std::uint64_t> number_of(std::string_view text);

}  // namespace reachback::agent::builtin
