#include "crypto/certificate.h"

#include <gtest/gtest.h>
#include <openssl/ui.h>

#include "crypto/digest.h"
#include "crypto/x509.h"

namespace reachback::crypto {
namespace {

const Timestamp kNow = *parse_time("2026-01-01T00:00:00Z");

// Made with openssl(1): req -x509 -newkey rsa:2048 -subj "/CN=triage, the first" -days 365, fixed
// here so that digests and times can be compared with what openssl says of it.
constexpr std::string_view kRsa = R"(
-----BEGIN CERTIFICATE-----
MIIDGTCCAgGgAwIBAgIUDOHjqPAF1jPX9CqoHwZjzqYjXSkwDQYJKoZIhvcNAQEL
BQAwHDEaMBgGA1UEAwwRdHJpYWdlLCB0aGUgZmlyc3QwHhcNMjYxMTI4MTkxMDIw
WhcNMjcxMTI4MTkxMDIwWjAcMRowGAYDVQQDDBF0cmlhZ2UsIHRoZSBmaXJzdDCC
ASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAKWw8GNLljqNPfWbDkMCdVg8
9XyYFtym4AhbTYaDyXlNrJ89vNwM5KYzVW8aUpu29KsmpCTwk15300Jl91ZuaDjj
3jtx9h2PDtS1d0LUeVNDuYT8WSPjcNARCyeaVBfrgjYokAs4F1mLJ5X9Kj/Rj0Yh
JWw1hXQ+NKV9uCqiVyr/xbP4GqZZHXFnd/zi97p4VBdH7wAb80CTsU0vQgzpbXw3
1T34ml6L12tb+Hj/09KAhDMmRMY8rhSMZi/FdyJ/MN5/feH+aZJvEovC03Nm52/m
du+fQi50jb8kywHOywaiYGkM74a+MrSY5CL4n3HFiLna/HNbB4p8XM9RTfVC10cC
AwEAAaNTMFEwHQYDVR0OBBYEFJbAWCDgdEB2EafKce4VQE4YjnJVMB8GA1UdIwQY
MBaAFJbAWCDgdEB2EafKce4VQE4YjnJVMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZI
hvcNAQELBQADggEBAGUhZlyekEk6JRA8xPdKWRib6KTrmLO52y3vmwQ/85QGNDEy
dwVkOoy7Ee3zXF22cBb0ZnR0eMsQLUoVDRhBXgU+YnHKamT31loJx1ZaVI8MOPRQ
Mu2TUDm4YEi928SNenxVBgOVf+jkQXmhz/04jesjQ/ywFkwcyG8XCDPsiEFO6Ccc
biXHnzZgZ20i0zdketaDUQq2Y0MkPdhFVlS3a/UE0UHscD4Bs+2+5vnnhSNEeAUn
B4Gaaf6DXMIetEiUegeR0N1RRSG9or+d629aVGsGVJEp/1Uh8XPjOD8K0Ny6kZQ8
ihgUkh5ttJglXpLLU+/FoH6xj7gfDiAVG+tbop8=
-----END CERTIFICATE-----
)";
constexpr std::string_view kRsa1024 = R"(
-----BEGIN CERTIFICATE-----
MIICFDCCAX2gAwIBAgIUf0Q+Jm6BloQPzep2hS05KAs/S+YwDQYJKoZIhvcNAQEL
BQAwHDEaMBgGA1UEAwwRdHJpYWdlLCB0aGUgZmlyc3QwHhcNMjYxMTI4MTkxMDIx
WhcNMjcxMTI4MTkxMDIxWjAcMRowGAYDVQQDDBF0cmlhZ2UsIHRoZSBmaXJzdDCB
nzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEA+ap6A5IO6D6/5KZpYR9I9e3pjynn
YlAKBDxyWeemfR5+wuIaveusA0TQzQobzsGlcltukNSY5lZf7GVQiY6E5hSckolP
r/zrt5eG/JmodS8h3kVvPLJ/WszuRgyEEiD9y72R0L8/k8N6BpJ2o92jUk4pjJsE
tXRjV6j43OI/Eu8CAwEAAaNTMFEwHQYDVR0OBBYEFNmvUTHCKAw3zpbUVh7FPilO
9ej2MB8GA1UdIwQYMBaAFNmvUTHCKAw3zpbUVh7FPilO9ej2MA8GA1UdEwEB/wQF
MAMBAf8wDQYJKoZIhvcNAQELBQADgYEA2mczYYlRma9qFnqqYxq/vMUi5KWRCJco
K8mMScRvrx9u3dUoTO1AfSIrqQmAOJj49P8ri6LM8tdr8ew1HQKZD+evxp3UgAxG
0fwTkhqj57MiGV3VuOLSraF1IW95nepVkrO4Eonk9A7S4QZLKjDovglTPZ4Jd8wN
l10tvSw757s=
-----END CERTIFICATE-----
)";
constexpr std::string_view kP384 = R"(
-----BEGIN CERTIFICATE-----
MIIByzCCAVCgAwIBAgIUF9JNjezibEL58Gn/CpbFI/hVT/gwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRdHJpYWdlLCB0aGUgZmlyc3QwHhcNMjYxMTI4MTkxMDIxWhcN
MjcxMTI4MTkxMDIxWjAcMRowGAYDVQQDDBF0cmlhZ2UsIHRoZSBmaXJzdDB2MBAG
ByqGSM49AgEGBSuBBAAiA2IABAGQ/6QyaI7GAtgVsqV6f0X52qduN5TgvblrYKhL
2o0xrTpqKt89m7PdLYjvmzpXq3rmrozm/tlDEwAjLdFZyw9gFvKxRCW0kiVlSUL/
hNDM/RfpN375MvzYbJqwJOXEHqNTMFEwHQYDVR0OBBYEFFdO3jSGBkd7GPVcFd8y
9zuMs5vVMB8GA1UdIwQYMBaAFFdO3jSGBkd7GPVcFd8y9zuMs5vVMA8GA1UdEwEB
/wQFMAMBAf8wCgYIKoZIzj0EAwIDaQAwZgIxAOvAXpXjEtfC02S7W3xcbbqPkjFU
hyVuz0Isan7/oaseUUwFyN4AYdc2J/mm7gPtyAIxAM/sxzCVrJrZvZz40nyjb+nv
zXdvu0MHSFY4d7Xd26sFUqe39kdki4IO9VlS6AOJvQ==
-----END CERTIFICATE-----
)";

TEST(Certificate, is_read_as_openssl_reads_it) {
  auto c = read_certificate(kRsa);
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(to_hex(as_bytes(c->sha256)),
            "dc522702982e54f32a5b73abd821e0a093fd2482883ff7683095f38273d5c04a");
  EXPECT_EQ(to_hex(c->sha1), "006f6bb9b741b49b7f563cb45ec5f88462b80138");
  EXPECT_EQ(c->subject, "CN=triage\\, the first");
  EXPECT_EQ(format_time_seconds(c->not_before), "2026-11-28T19:10:20Z");
  EXPECT_EQ(format_time_seconds(c->not_after), "2027-11-28T19:10:20Z");
  EXPECT_EQ(to_hex(as_bytes(sha256(c->public_key))),
            "05c815ceb447e2ef7dc202f79db6528d977a2a6f6101cd9e48ca119d9879d478");
}

TEST(Certificate, of_a_p256_key_is_taken_with_text_around_it) {
  auto ca = make_ca("one", kNow);
  ASSERT_TRUE(ca.ok());
  auto c = read_certificate("Bag Attributes\n" + ca->certificate + "\n# the end\n");
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(c->subject, "CN=one");
  EXPECT_EQ(c->not_before, kNow - std::chrono::minutes(5));
  EXPECT_EQ(c->public_key.size(), 91u) << "SubjectPublicKeyInfo of P-256";
}

TEST(Certificate, what_is_none_is_refused_and_says_why) {
  auto ca = make_ca("one", kNow);
  ASSERT_TRUE(ca.ok());
  const std::string& pem = ca->certificate;
  std::string damaged = pem;
  damaged[damaged.size() / 2] ^= 1;
  const std::pair<std::string, const char*> rows[] = {
      {"", "0 of them"},
      {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "0 of them"},
      {pem + pem, "2 of them"},
      {pem + ca->private_key, "private key"},
      {ca->private_key, "private key"},
      {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"},
      {pem.substr(0, pem.size() / 2), "cannot be read"},
      {pem + std::string(40'000, '\n'), "over 32 KiB"},
      {std::string(kRsa1024), "1024 bits"},
      {std::string(kP384), "neither RSA nor on P-256"},
  };
  for (const auto& [text, why] : rows) {
    auto c = read_certificate(text);
    ASSERT_FALSE(c.ok()) << why;
    EXPECT_EQ(c.error().code, Errc::invalid_input);
    EXPECT_NE(c.error().message.find(why), std::string::npos) << c.error().message;
  }
}

TEST(Certificate, one_that_is_encrypted_is_refused_and_asks_the_terminal_for_nothing) {
  static bool asked;
  asked = false;
  UI_METHOD* terminal = UI_create_method("the test's");
  UI_method_set_opener(terminal, [](UI*) {
    asked = true;
    return 0;
  });
  const UI_METHOD* before = UI_get_default_method();
  UI_set_default_method(terminal);
  std::string pem(kRsa);
  const std::string begin = "-----BEGIN CERTIFICATE-----\n";
  pem.insert(pem.find(begin) + begin.size(),
             "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  auto c = read_certificate(pem);
  UI_set_default_method(before);
  UI_destroy_method(terminal);
  ASSERT_FALSE(c.ok());
  EXPECT_EQ(c.error().code, Errc::invalid_input);
  EXPECT_FALSE(asked);
}

}  // namespace
}  // namespace reachback::crypto
