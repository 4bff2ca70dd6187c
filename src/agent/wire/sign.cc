// `reachback-agent sign`: library-signing keys and signed scripts, on a machine that the server
// does not reach.
#include "agent/wire/commands.h"
#include "base/bytes.h"
#include "base/file.h"
#include "protocol/script_signature.h"

namespace reachback::agent {
namespace {
constexpr std::uint64_t kScriptBytesMax = 64 << 20;
}  // namespace

Result<std::string> make_signing_key(const std::string& key_file) {
  if (path_exists(key_file)) {
    return Error{Errc::already_exists, key_file + ": is there already"};
  }
  const auto key = crypto::Ed25519PrivateKey::generate();
  RB_TRY(write_file_durably(key_file, key.pem()));
  return to_base64(key.public_key().spki());
}

Result<void> sign_script_file(const std::string& key_file, const std::string& script,
                              const std::string& out) {
  RB_TRY_ASSIGN(const std::string pem, read_file(key_file, 1 << 16));
  RB_TRY_ASSIGN(const auto key, crypto::Ed25519PrivateKey::from_pem(pem));
  RB_TRY_ASSIGN(const std::string bytes, read_file(script, kScriptBytesMax));
  return write_file_durably(out.empty() ? script : out, protocol::sign_script(bytes, key), 0644);
}

}  // namespace reachback::agent
