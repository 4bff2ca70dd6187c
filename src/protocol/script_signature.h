// The signature that a script carries as its last line, made by a library-signing key that the
// server never sees: `# reachback-signature: v1 <base64>`. Signed is the SHA-256 of every byte
// before that line, with the prefix "reachback script v1\0". Neither the script's name nor its
// arguments are signed. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "crypto/ed25519.h"

namespace reachback::protocol {

// The longest such line, with its line break.
inline constexpr std::size_t kSignatureLineBytesMax = 160;

struct SignatureLine {
  std::size_t bytes = 0;  // of the line, with its line break: what is before it is signed
  std::string signature;  // 64
};
// tail: the script's last bytes, kSignatureLineBytesMax of them if it has so many.
// nullopt: its last line is no signature.
std::optional<SignatureLine> find_signature(std::string_view tail);

bool is_signed_by(const std::vector<crypto::Ed25519PublicKey>& keys, const Sha256& before_line,
                  std::string_view signature);
// The script with its signature at its end, in the place of one that it has.
std::string sign_script(std::string_view script, const crypto::Ed25519PrivateKey& key);

}  // namespace reachback::protocol
