// The program's version, as --version and the console show it.
#pragma once

namespace reachback::server {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace reachback::server
