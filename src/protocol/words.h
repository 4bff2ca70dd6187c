// How the Args of RunScript become words: as a POSIX shell splits them (blanks, '…', "…", \), with
// no expansion of any kind. Pure. In double quotes a backslash escapes only $ ` " \ and newline;
// outside quotes it escapes any character. `$`, `*`, `;` … are ordinary text.
// split_words(join_words(w)) == w for every list of words without NUL (property test).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reachback::protocol {

// Errors: invalid_input ("unbalanced quote", "ends in a backslash", NUL).
Result<std::vector<std::string>> split_words(std::string_view text);
// Each word quoted where needed, separated by one blank.
std::string join_words(const std::vector<std::string>& words);

}  // namespace reachback::protocol
