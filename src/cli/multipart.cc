#include "cli/multipart.h"

#include <fmt/format.h>

namespace reachback::cli {

void Multipart::add(std::string_view name, std::string_view value) {
  parts_ += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n",
                        boundary_, name, value);
}

void Multipart::add_file(std::string_view name, std::string_view filename,
                         std::string_view content) {
  parts_ += fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n",
      boundary_, name, filename);
  parts_.append(content).append("\r\n");
}

}  // namespace reachback::cli
