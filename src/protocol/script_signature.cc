#include "protocol/script_signature.h"

#include <algorithm>

#include "crypto/digest.h"

namespace reachback::protocol {
namespace {

constexpr std::string_view kLine = "# reachback-signature: v1 ";
constexpr std::string_view kPrefix{"reachback script v1\0", 20};
constexpr std::size_t kSignatureBytes = 64;

std::string statement(const Sha256& before_line) {
  return std::string(kPrefix) + std::string(as_bytes(before_line));
}

}  // namespace

std::optional<SignatureLine> find_signature(std::string_view tail) {
  std::string_view text = tail;
  for (const char end : {'\n', '\r'}) {
    if (text.ends_with(end)) {
      text.remove_suffix(1);
    }
  }
  const auto before = text.rfind('\n');
  if (before == std::string_view::npos && tail.size() >= kSignatureLineBytesMax) {
    return std::nullopt;  // Only the end of a longer line.
  }
  const std::string_view line = before == std::string_view::npos ? text : text.substr(before + 1);
  if (!line.starts_with(kLine)) {
    return std::nullopt;
  }
  auto signature = from_base64(std::string(line.substr(kLine.size())));
  if (!signature || signature->size() != kSignatureBytes) {
    return std::nullopt;
  }
  return SignatureLine{tail.size() - (before == std::string_view::npos ? 0 : before + 1),
                       std::move(*signature)};
}

bool is_signed_by(const std::vector<crypto::Ed25519PublicKey>& keys, const Sha256& before_line,
                  std::string_view signature) {
  const std::string said = statement(before_line);
  return std::any_of(keys.begin(), keys.end(),
                     [&](const auto& key) { return key.verify(said, signature); });
}

std::string sign_script(std::string_view script, const crypto::Ed25519PrivateKey& key) {
  const std::size_t tail = std::min(script.size(), kSignatureLineBytesMax);
  if (auto line = find_signature(script.substr(script.size() - tail))) {
    script.remove_suffix(line->bytes);
  }
  std::string out(script);
  if (!out.empty() && out.back() != '\n') {
    out += '\n';
  }
  const std::string signature = key.sign(statement(crypto::sha256(out)));
  return out + std::string(kLine) + to_base64(signature) + "\n";
}

}  // namespace reachback::protocol
