// Terminals on the wire: the words of their orders, the bounds and the signature of what is typed.
#include "protocol/terminal.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "base/bytes.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::protocol {
namespace {

const crypto::Ed25519PrivateKey kKey = crypto::Ed25519PrivateKey::generate();

std::string key_word() {
  return "key=" + to_base64(kKey.public_key().spki());
}

TEST(Terminal, AnOrderSaysWhoTypesAndHowLargeTheWindowIs) {
  auto order = parse_terminal(key_word() + " rows=40 columns=132 idle=90");
  ASSERT_TRUE(order.ok()) << order.error().message;
  EXPECT_EQ(order->key.spki(), kKey.public_key().spki());
  EXPECT_EQ(order->rows, 40u);
  EXPECT_EQ(order->columns, 132u);
  EXPECT_EQ(order->idle, std::chrono::seconds(90));
  order = parse_terminal(key_word());
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->rows, 24u);
  EXPECT_EQ(order->columns, 80u);
}

TEST(Terminal, AnOrderThatSaysSomethingElseNamesTheWord) {
  for (const auto& [args, says] : std::vector<std::pair<std::string, std::string>>{
           {"", "key is missing"},
           {"rows=40", "key is missing"},
           {"key=", "key is no Ed25519 key"},
           {"key=AAAA", "key is no Ed25519 key"},
           {key_word().substr(0, 40), "key is no Ed25519 key"},
           {key_word() + " rows=0", "rows is a number from 1 to 1000, not '0'"},
           {key_word() + " columns=1001", "columns is a number"},
           {key_word() + " columns=", "columns is a number"},
           {key_word() + " rows=4x", "rows is a number"},
           {key_word() + " idle=-1", "idle is a number"},
           {key_word() + " shell=/bin/x", "no word 'shell'"}}) {
    auto order = parse_terminal(args);
    ASSERT_FALSE(order.ok()) << args;
    EXPECT_EQ(order.error().code, Errc::invalid_input) << args;
    EXPECT_NE(order.error().message.find(says), std::string::npos) << order.error().message;
  }
}

pb::TerminalInput typed() {
  pb::TerminalInput m;
  m.set_number(1);
  m.set_action(std::string(16, 'a'));
  m.set_epoch(1);
  m.set_index(0);
  m.set_from(7);
  m.set_typed("ls\r");
  m.set_rows(24);
  m.set_columns(80);
  sign_terminal_input(m, kKey);
  return m;
}

TEST(Terminal, WhatIsTypedIsSignedWithItsPlace) {
  const auto key = kKey.public_key();
  EXPECT_TRUE(verify_terminal_input(typed(), key));
  EXPECT_FALSE(verify_terminal_input(typed(), crypto::Ed25519PrivateKey::generate().public_key()));
  const std::vector<std::function<void(pb::TerminalInput&)>> changes = {
      [](auto& m) { m.set_action(std::string(16, 'b')); },
      [](auto& m) { m.set_index(1); },
      [](auto& m) { m.set_from(8); },
      [](auto& m) { m.set_typed("rm\r"); },
      [](auto& m) { m.set_rows(25); },
      [](auto& m) { m.set_columns(81); },
      [](auto& m) { m.mutable_signature()->back() ^= 1; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto m = typed();
    changes[i](m);
    EXPECT_FALSE(verify_terminal_input(m, key)) << i;
  }
}

// The console signs by itself: this is the statement, byte for byte.
TEST(Terminal, TheSignedBytesAreThoseOfTheDocument) {
  const std::string statement = std::string("reachback terminal v1\0", 22) + std::string(16, 'a') +
                                std::string("\0\0\0\0", 4) + std::string("\0\0\0\0\0\0\0\7", 8) +
                                std::string("\0\x18", 2) + std::string("\0\x50", 2) + "ls\r";
  EXPECT_TRUE(kKey.public_key().verify(statement, typed().signature()));
}

TEST(Terminal, MessagesOutOfBoundsAreRefusedByName) {
  const std::pair<const char*, std::function<void(pb::TerminalInput&)>> bad[] = {
      {"action", [](auto& m) { m.set_action("a"); }},
      {"epoch", [](auto& m) { m.set_epoch(0); }},
      {"index", [](auto& m) { m.set_index(100); }},
      {"typed", [](auto& m) { m.set_typed(std::string(kTypedBytesMax + 1, 'a')); }},
      {"rows", [](auto& m) { m.set_rows(0); }},
      {"columns", [](auto& m) { m.set_columns(1001); }},
      {"signature", [](auto& m) { m.set_signature(std::string(63, 's')); }},
      {"from", [](auto& m) { m.set_from(~std::uint64_t{0}); }}};
  for (const auto& [field, change] : bad) {
    pb::ToAgent m;
    *m.mutable_terminal_input() = typed();
    EXPECT_TRUE(decode_to_agent(encode(m)).ok());
    change(*m.mutable_terminal_input());
    auto decoded = decode_to_agent(encode(m));
    ASSERT_FALSE(decoded.ok()) << field;
    EXPECT_NE(decoded.error().message.find(field), std::string::npos) << decoded.error().message;
  }
  pb::ToServer answer;
  answer.mutable_terminal_taken()->set_number(1);
  answer.mutable_terminal_taken()->set_taken(5);
  EXPECT_TRUE(decode_to_server(encode(answer)).ok());
  answer.mutable_terminal_taken()->set_error("NotThere: no");
  EXPECT_FALSE(decode_to_server(encode(answer)).ok());
  answer.mutable_terminal_taken()->set_taken(0);
  EXPECT_TRUE(decode_to_server(encode(answer)).ok());
}

}  // namespace
}  // namespace reachback::protocol
