#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "crypto/random.h"
#include "crypto/x509.h"

namespace reachback::crypto {
namespace {

// Source: FIPS 180-4 example, RFC 4231 test case 2.
TEST(Digest, matches_published_vectors) {
  EXPECT_EQ(to_hex(as_bytes(sha256("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(as_bytes(hmac_sha256("Jefe", "what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, in_pieces_is_the_same_as_whole) {
  Sha256Stream stream;
  stream.update("a");
  stream.update("");
  stream.update("bc");
  EXPECT_EQ(stream.finish(), sha256("abc"));
}

// Source: FIPS 180-4's example, RFC 3174 section 7.3, RFC 1321 appendix A.5.
TEST(Digest, every_kind_matches_its_published_vector) {
  const std::pair<DigestKind, std::string> cases[] = {
      {DigestKind::sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {DigestKind::sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {DigestKind::md5, "900150983cd24fb0d6963f7d28e17f72"}};
  for (const auto& [kind, expected] : cases) {
    auto stream = DigestStream::create(kind);
    ASSERT_TRUE(stream.has_value());
    stream->update("a");
    stream->update("bc");
    EXPECT_EQ(stream->finish_hex(), expected);
  }
}

TEST(Digest, equality_needs_the_same_length_and_bytes) {
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "abcd"));
  EXPECT_TRUE(constant_time_equal("", ""));
}

TEST(Ed25519, a_signature_holds_for_its_message_and_key_only) {
  auto key = Ed25519PrivateKey::generate();
  std::string signature = key.sign("order");
  EXPECT_TRUE(key.public_key().verify("order", signature));
  EXPECT_FALSE(key.public_key().verify("0rder", signature));
  EXPECT_FALSE(key.public_key().verify("order", signature.substr(1)));
  EXPECT_FALSE(key.public_key().verify("order", ""));
  EXPECT_FALSE(Ed25519PrivateKey::generate().public_key().verify("order", signature));
}

TEST(Ed25519, keys_survive_their_text_forms) {
  auto key = Ed25519PrivateKey::generate();
  auto again = Ed25519PrivateKey::from_pem(key.pem());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->public_key().spki(), key.public_key().spki());
  EXPECT_EQ(key.public_key().spki().size(), 44u);
  EXPECT_TRUE(Ed25519PublicKey::from_spki(key.public_key().spki()).ok());
  EXPECT_FALSE(Ed25519PublicKey::from_spki(key.public_key().spki() + "x").ok());
  EXPECT_FALSE(Ed25519PublicKey::from_spki("").ok());
  EXPECT_FALSE(Ed25519PrivateKey::from_pem("-----BEGIN").ok());
}

// Source: RFC 8032 §7.1, test 2.
TEST(Ed25519, matches_rfc_8032) {
  auto key = Ed25519PublicKey::from_spki(*from_hex(
      "302a300506032b65700321003d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  ASSERT_TRUE(key.ok());
  EXPECT_TRUE(key->verify("\x72", *from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb37622"
                                            "23ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2"
                                            "eaeb4302aeeb00d291612bb0c00")));
}

TEST(X509, certificates_are_for_the_names_asked_and_nothing_else) {
  auto now = Timestamp(std::chrono::hours(24 * 20000));
  auto ca = make_ca("Test CA", now);
  ASSERT_TRUE(ca.ok());
  EXPECT_TRUE(issue_server_certificate(*ca, {"web.example", "127.0.0.1", "::1"}, 30, now).ok());
  for (const char* bad : {"", "a b", "x,DNS:evil.example", "x\nCA:TRUE"}) {
    EXPECT_EQ(issue_server_certificate(*ca, {bad}, 30, now).error().code, Errc::invalid_input)
        << bad;
  }
  EXPECT_FALSE(issue_server_certificate(*ca, {}, 30, now).ok());
  EXPECT_FALSE(issue_server_certificate(PemPair{"", ""}, {"a"}, 30, now).ok());
}

TEST(Random, does_not_repeat) {
  SystemRandom random;
  EXPECT_NE(random.bytes(16), random.bytes(16));
  for (int i = 0; i < 100; ++i) {
    EXPECT_LT(random.below(7), 7u);
  }
}

}  // namespace
}  // namespace reachback::crypto
