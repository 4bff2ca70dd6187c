#include "agent/builtin/row.h"

#include <fmt/format.h>

#include "json/json.h"

namespace reachback::agent::builtin {

void Row::write_text(std::string_view text) {
  text_ += json::quote(text);
}

void Row::write_list(const std::vector<std::string>& texts) {
  text_ += '[';
  for (std::size_t i = 0; i < texts.size(); ++i) {
    text_ += i == 0 ? "" : ",";
    write_text(texts[i]);
  }
  text_ += ']';
}

void Row::write_real(double value) {
  text_ += fmt::format("{:.2f}", value);
}

}  // namespace reachback::agent::builtin
