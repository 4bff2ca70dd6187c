#include "protocol/script_signature.h"

#include <gtest/gtest.h>

#include "crypto/digest.h"

namespace reachback::protocol {
namespace {

bool is_signed(std::string_view script, const std::vector<crypto::Ed25519PublicKey>& keys) {
  const std::size_t tail = std::min(script.size(), kSignatureLineBytesMax);
  auto line = find_signature(script.substr(script.size() - tail));
  return line && is_signed_by(keys, crypto::sha256(script.substr(0, script.size() - line->bytes)),
                              line->signature);
}

TEST(ScriptSignature, HoldsForTheVeryBytesAndTheKeysOfTheList) {
  const auto key = crypto::Ed25519PrivateKey::generate();
  const auto other = crypto::Ed25519PrivateKey::generate();
  for (const std::string& text :
       {std::string("#!/bin/bash\necho hi\n"), std::string("echo hi"), std::string(),
        std::string(5000, 'x'), std::string("a\r\nb\r\n"), std::string("\0\xff\n", 3)}) {
    const std::string script = sign_script(text, key);
    EXPECT_TRUE(script.starts_with(text));
    EXPECT_TRUE(is_signed(script, {other.public_key(), key.public_key()}));
    EXPECT_FALSE(is_signed(script, {other.public_key()}));
    EXPECT_FALSE(is_signed(script, {}));
    EXPECT_FALSE(is_signed(text, {key.public_key()}));
    EXPECT_EQ(sign_script(script, key), script) << "signed again: one signature";
  }
}

TEST(ScriptSignature, BreaksWithEveryByteThatIsChangedAddedOrTakenAway) {
  const auto key = crypto::Ed25519PrivateKey::generate();
  const std::string script = sign_script("#!/bin/bash\necho hi\n", key);
  for (std::size_t i = 0; i + 1 < script.size(); ++i) {  // The last line break is nobody's.
    std::string changed = script;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(is_signed(changed, {key.public_key()})) << i;
    EXPECT_FALSE(is_signed(script.substr(0, i) + script.substr(i + 1), {key.public_key()})) << i;
  }
  EXPECT_FALSE(is_signed(script + "rm -rf /\n", {key.public_key()}));
  EXPECT_FALSE(is_signed(script + "\n", {key.public_key()}));
  EXPECT_FALSE(is_signed("rm -rf /\n" + script, {key.public_key()}));
  EXPECT_FALSE(is_signed("x" + script.substr(script.rfind('#')), {key.public_key()}));
}

}  // namespace
}  // namespace reachback::protocol
