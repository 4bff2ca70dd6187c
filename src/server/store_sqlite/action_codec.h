// What of an action, and of a list of strings, stands in the database as one value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/action/action.h"

namespace reachback::server {

// Everything of an action but its columns (tenant, id, machine, status, created, version; the
// deadline follows from the rest).
std::string encode_action(const action::Action& a);
// Fills everything but the columns. Errors: corrupt (unknown version or field, damage). Never reads
// past the bytes, whatever they are.
Result<void> decode_action(std::string_view document, action::Action& out);

std::string encode_list(const std::vector<std::string>& items);
Result<std::vector<std::string>> decode_list(std::string_view document);  // Errors: corrupt.

}  // namespace reachback::server
