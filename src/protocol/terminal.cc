#include "protocol/terminal.h"

#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "protocol/codec.h"
#include "protocol/words.h"

namespace reachback::protocol {
namespace {

constexpr std::uint32_t kIdleSecondsMax = 7 * 24 * 3600;

Error wrong(const std::string& what) {
  return Error{Errc::invalid_input, what};
}

Result<std::uint32_t> number(std::string_view name, std::string_view text, std::uint32_t most) {
  std::uint32_t out = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (bad != std::errc() || end != text.data() + text.size() || out < 1 || out > most) {
    return wrong(std::string(name) + " is a number from 1 to " + std::to_string(most) + ", not '" +
                 std::string(text) + "'");
  }
  return out;
}

Result<crypto::Ed25519PublicKey> key_of(std::string_view text) {
  const auto der = from_base64(text);
  auto key = der ? crypto::Ed25519PublicKey::from_spki(*der)
                 : Result<crypto::Ed25519PublicKey>(Error{Errc::invalid_input, ""});
  return key ? std::move(key) : wrong("key is no Ed25519 key (base64 of its SubjectPublicKeyInfo)");
}

}  // namespace

Result<TerminalOrder> parse_terminal(std::string_view args) {
  RB_TRY_ASSIGN(const std::vector<std::string> words, split_words(args));
  std::optional<crypto::Ed25519PublicKey> key;
  std::uint32_t rows = 24, columns = 80, idle = 1800;
  for (const std::string& word : words) {
    const auto mark = word.find('=');
    const std::string_view name = std::string_view(word).substr(0, mark);
    const std::string_view value =
        mark == std::string::npos ? std::string_view() : std::string_view(word).substr(mark + 1);
    if (name == "key") {
      RB_TRY_ASSIGN(key, key_of(value));
    } else if (name == "rows") {
      RB_TRY_ASSIGN(rows, number(name, value, kTerminalSizeMax));
    } else if (name == "columns") {
      RB_TRY_ASSIGN(columns, number(name, value, kTerminalSizeMax));
    } else if (name == "idle") {
      RB_TRY_ASSIGN(idle, number(name, value, kIdleSecondsMax));
    } else {
      return wrong("a terminal has no word '" + std::string(name) + "'");
    }
  }
  if (!key) {
    return wrong("key is missing");
  }
  return TerminalOrder{std::move(*key), rows, columns, std::chrono::seconds(idle)};
}

}  // namespace reachback::protocol
