// The signature at a script's end. Any script that is signed carries one that verifies, in the
// place of one it had; with a byte changed or under another key it does not. Input: what is tried;
// then a byte for what changes and the script; or a script's last bytes.
#include <algorithm>

#include "crypto/digest.h"
#include "fuzz/fuzz.h"
#include "protocol/script_signature.h"

namespace reachback::fuzz {
namespace {

using namespace protocol;
using crypto::Ed25519PrivateKey;

constexpr std::string_view kBegin = "# reachback-signature: v1 ";
constexpr std::size_t kLineBytes = kBegin.size() + 88 + 1;  // base64 of 64 bytes, a newline

std::string_view tail_of(std::string_view script) {
  return script.substr(script.size() - std::min(script.size(), kSignatureLineBytesMax));
}

bool is_signed(std::string_view script, const Ed25519PrivateKey& key) {
  auto line = find_signature(tail_of(script));
  return line && is_signed_by({key.public_key()},
                              crypto::sha256(script.substr(0, script.size() - line->bytes)),
                              line->signature);
}

void check_script(Input in) {
  static const Ed25519PrivateKey key = Ed25519PrivateKey::generate();
  static const Ed25519PrivateKey other = Ed25519PrivateKey::generate();
  const std::size_t where = in.byte() * 16u;
  const std::string_view script = in.rest();
  const std::string out = sign_script(script, key);
  FUZZ_CHECK(out.size() >= kLineBytes && out.back() == '\n');
  const std::string before = out.substr(0, out.size() - kLineBytes);
  const std::string line = out.substr(before.size());
  FUZZ_CHECK(line.starts_with(kBegin) && line.find('\n') == kLineBytes - 1);
  FUZZ_CHECK(before.empty() || before.back() == '\n');
  // What is signed is the script, with its line break, without a signature it had.
  FUZZ_CHECK(before == script || before == std::string(script) + "\n" ||
             (script.starts_with(before) && script.substr(before.size()).starts_with(kBegin)));
  const auto signature = from_base64(line.substr(kBegin.size(), 88));
  FUZZ_CHECK(signature && key.public_key().verify("reachback script v1" + std::string(1, '\0') +
                                                      std::string(as_bytes(crypto::sha256(before))),
                                                  *signature));
  FUZZ_CHECK(is_signed(out, key) && !is_signed(out, other));
  FUZZ_CHECK(
      is_signed_by({other.public_key(), key.public_key()}, crypto::sha256(before), *signature));
  FUZZ_CHECK(!is_signed_by({}, crypto::sha256(before), *signature));
  FUZZ_CHECK(sign_script(out, key) == out);
  FUZZ_CHECK(sign_script(sign_script(script, other), key) == out);
  // An editor's other line break at the end changes nothing that is signed.
  FUZZ_CHECK(is_signed(out.substr(0, out.size() - 1), key));
  FUZZ_CHECK(is_signed(out.substr(0, out.size() - 1) + "\r\n", key));
  FUZZ_CHECK(!is_signed(out + "\n", key) && !is_signed("\n" + out, key));
  std::string changed = out;
  changed[where % (out.size() - 1)] ^= 1;
  FUZZ_CHECK(!is_signed(changed, key));
}

void check_tail(std::string_view bytes) {
  const std::string_view tail = tail_of(bytes);
  auto found = find_signature(tail);
  if (!found) {
    return;
  }
  FUZZ_CHECK(found->signature.size() == 64 && found->bytes <= tail.size());
  const std::string_view line = tail.substr(tail.size() - found->bytes);
  FUZZ_CHECK(found->bytes == tail.size() || tail[tail.size() - found->bytes - 1] == '\n');
  const std::string plain = std::string(kBegin) + to_base64(found->signature);
  FUZZ_CHECK(line == plain || line == plain + "\n" || line == plain + "\r\n" ||
             line == plain + "\r");
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  if (in.choice(2) == 0) {
    check_script(in);
  } else {
    check_tail(in.rest());
  }
}

}  // namespace reachback::fuzz
