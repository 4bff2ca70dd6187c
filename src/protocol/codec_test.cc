#include "protocol/codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace reachback::protocol {
namespace {

std::string bytes(std::size_t n, char c = '\x01') {
  return std::string(n, c);
}

pb::Order good_order() {
  pb::Order m;
  m.set_tenant(bytes(16));
  m.set_machine(bytes(20));
  m.set_action(bytes(16));
  m.set_epoch(1);
  m.set_generation(bytes(16));
  auto* c = m.add_commands();
  c->set_type(pb::RUN_SCRIPT);
  c->set_file_name("a.sh");
  c->set_file_sha256(bytes(32));
  c->set_file_bytes(10);
  c->set_args("a b");
  c->set_has_args(true);
  c->set_timeout_ms(600000);
  c->set_output_bytes_max(1);
  m.set_window_ms(1000);
  m.set_session(bytes(16));
  m.set_requestor("app");
  return m;
}

pb::Hello::Body good_body() {
  pb::Hello::Body m;
  m.set_public_key(bytes(44));
  m.set_generation(bytes(16));
  m.set_boot(bytes(16));
  m.set_nonce(bytes(16));
  m.set_host_name("host");
  m.add_addresses()->set_ip("127.0.0.1");
  return m;
}

pb::ToServer good_ended() {
  pb::ToServer out;
  auto* m = out.mutable_command_ended();
  m->set_action(bytes(16));
  m->set_epoch(1);
  m->set_index(99);
  m->set_outcome(pb::COMPLETED);
  m->set_has_exit_code(true);
  m->set_exit_code(-1);
  for (std::size_t i = 0; i < kErrorsMax; ++i) {
    m->add_errors(bytes(kErrorBytesMax, 'e'));
  }
  m->mutable_result()->set_name(bytes(32, 'a'));
  m->mutable_result()->set_sha256(bytes(32));
  return out;
}

pb::ToServer good_upload() {
  pb::ToServer out;
  auto* m = out.mutable_upload_request();
  m->set_action(bytes(16));
  m->set_epoch(1);
  m->set_kind(pb::RAW_STDERR);
  m->set_sha256(bytes(32));
  return out;
}

pb::ToAgent good_execute() {
  pb::ToAgent out;
  auto* m = out.mutable_execute_order();
  m->mutable_order()->set_order(good_order().SerializeAsString());
  m->mutable_order()->set_signature(bytes(64));
  m->mutable_order()->set_key_id(bytes(8));
  auto* file = m->add_files();
  file->set_inlined(true);
  file->set_content("echo");
  return out;
}

pb::ToAgent good_welcome() {
  pb::ToAgent out;
  out.mutable_welcome()->set_machine(bytes(20));
  out.mutable_welcome()->set_contact(bytes(16));
  out.mutable_welcome()->set_heartbeat_ms(30000);
  return out;
}

// What changes, and the field that the error must name; "" means that it is still accepted.
template <typename Message>
struct Row {
  std::string names;
  std::function<void(Message&)> change;
};

template <typename Message, typename Decode>
void expect_rows(const Message& good, Decode decode, const std::vector<Row<Message>>& rows) {
  ASSERT_TRUE(decode(good.SerializeAsString()).ok());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Message m = good;
    rows[i].change(m);
    auto result = decode(m.SerializeAsString());
    if (rows[i].names.empty()) {
      EXPECT_TRUE(result.ok()) << i << ": " << result.error().message;
      continue;
    }
    ASSERT_FALSE(result.ok()) << i << " " << rows[i].names;
    EXPECT_EQ(result.error().code, Errc::protocol);
    EXPECT_NE(result.error().message.find(rows[i].names), std::string::npos)
        << i << ": " << result.error().message;
  }
}

TEST(Codec, OrderLimits) {
  expect_rows<pb::Order>(
      good_order(), decode_order,
      {
          {"tenant", [](auto& m) { m.set_tenant(bytes(15)); }},
          {"machine", [](auto& m) { m.set_machine(bytes(16)); }},
          {"action", [](auto& m) { m.set_action(""); }},
          {"epoch", [](auto& m) { m.set_epoch(0); }},
          {"", [](auto& m) { m.set_epoch(~0ull); }},
          {"generation", [](auto& m) { m.set_generation(bytes(17)); }},
          {"session", [](auto& m) { m.set_session(bytes(0)); }},
          {"commands", [](auto& m) { m.clear_commands(); }},
          {"",
           [](auto& m) {
             while (m.commands_size() < 100) {
               *m.add_commands() = m.commands(0);
             }
           }},
          {"commands",
           [](auto& m) {
             while (m.commands_size() < 101) {
               *m.add_commands() = m.commands(0);
             }
           }},
          {"window_ms", [](auto& m) { m.set_window_ms(0); }},
          {"window_ms", [](auto& m) { m.set_window_ms(~0ull); }},
          {"requestor", [](auto& m) { m.set_requestor(bytes(513, 'a')); }},
          {"type", [](auto& m) { m.mutable_commands(0)->set_type(pb::COMMAND_TYPE_UNSPECIFIED); }},
          {"type",
           [](auto& m) { m.mutable_commands(0)->set_type(static_cast<pb::CommandType>(7)); }},
          {"file_name", [](auto& m) { m.mutable_commands(0)->set_file_name(""); }},
          {"file_name", [](auto& m) { m.mutable_commands(0)->set_file_name(".."); }},
          {"file_name", [](auto& m) { m.mutable_commands(0)->set_file_name("a/b"); }},
          {"file_name", [](auto& m) { m.mutable_commands(0)->set_file_name("a\nb"); }},
          {"file_name", [](auto& m) { m.mutable_commands(0)->set_file_name(bytes(129, 'a')); }},
          {"", [](auto& m) { m.mutable_commands(0)->set_file_name(bytes(128, 'a')); }},
          {"file_sha256", [](auto& m) { m.mutable_commands(0)->set_file_sha256(bytes(31)); }},
          {"args", [](auto& m) { m.mutable_commands(0)->set_args(bytes(kArgsBytesMax + 1, 'a')); }},
          {"args", [](auto& m) { m.mutable_commands(0)->set_args(std::string("a\0b", 3)); }},
          {"timeout_ms", [](auto& m) { m.mutable_commands(0)->set_timeout_ms(0); }},
          {"path", [](auto& m) { m.mutable_commands(0)->set_type(pb::GET_FILE); }},
          {"path", [](auto& m) { m.mutable_commands(0)->set_type(pb::BUILT_IN); }},
          {"path", [](auto& m) { m.mutable_commands(0)->set_type(pb::TERMINAL); }},
          {"", [](auto& m) { m.mutable_commands(0)->set_type(pb::COLLECT); }},
          {"file_name",
           [](auto& m) {
             m.mutable_commands(0)->set_type(pb::COLLECT);
             m.mutable_commands(0)->clear_file_name();
           }},
          {"",
           [](auto& m) {
             m.mutable_commands(0)->set_type(pb::BUILT_IN);
             m.mutable_commands(0)->set_path("/");
             m.mutable_commands(0)->clear_file_sha256();
           }},
          {"file_name",
           [](auto& m) {
             m.mutable_commands(0)->set_type(pb::BUILT_IN);
             m.mutable_commands(0)->set_path("/");
             m.mutable_commands(0)->set_file_name("a/b");
           }},
          {"path",
           [](auto& m) {
             m.mutable_commands(0)->set_type(pb::GET_FILE);
             m.mutable_commands(0)->set_path(bytes(kPathBytesMax + 1, 'a'));
           }},
      });
}

TEST(Codec, HelloLimits) {
  expect_rows<pb::Hello::Body>(
      good_body(), decode_hello_body,
      {
          {"public_key", [](auto& m) { m.set_public_key(""); }},
          {"public_key", [](auto& m) { m.set_public_key(bytes(257)); }},
          {"generation", [](auto& m) { m.set_generation(""); }},
          {"boot", [](auto& m) { m.set_boot(bytes(15)); }},
          {"nonce", [](auto& m) { m.set_nonce(bytes(17)); }},
          {"", [](auto& m) { m.set_host_name(bytes(253, 'h')); }},
          {"host_name", [](auto& m) { m.set_host_name(bytes(254, 'h')); }},
          {"host_name", [](auto& m) { m.set_host_name(std::string("a\0", 2)); }},
          {"os_version", [](auto& m) { m.set_os_version(bytes(129, 'v')); }},
          {"", [](auto& m) { m.set_last_contact(bytes(16)); }},
          {"last_contact", [](auto& m) { m.set_last_contact(bytes(15)); }},
          {"os_distribution", [](auto& m) { m.set_os_distribution(bytes(129, 'd')); }},
          {"os_build", [](auto& m) { m.set_os_build(1ull << 63); }},
          {"os_processor", [](auto& m) { m.set_os_processor(bytes(129, 'p')); }},
          {"addresses.ip", [](auto& m) { m.add_addresses(); }},
          {"addresses.ip", [](auto& m) { m.add_addresses()->set_ip("10.0.0.256"); }},
          {"addresses.ip", [](auto& m) { m.add_addresses()->set_ip("FE80::1"); }},
          {"", [](auto& m) { m.mutable_addresses(0)->set_mac(bytes(6)); }},
          {"addresses.mac", [](auto& m) { m.mutable_addresses(0)->set_mac(bytes(8)); }},
          {"addresses",
           [](auto& m) { m.mutable_addresses(0)->set_type(static_cast<pb::InterfaceType>(99)); }},
          {"addresses",
           [](auto& m) {
             m.mutable_addresses(0)->set_status(static_cast<pb::OperationalStatus>(-1));
           }},
          {"addresses",
           [](auto& m) {
             while (m.addresses_size() < 33) {
               m.add_addresses()->set_ip("::1");
             }
           }},
      });
  pb::ToServer hello;
  hello.mutable_hello()->set_body(good_body().SerializeAsString());
  hello.mutable_hello()->set_signature(bytes(64));
  EXPECT_TRUE(decode_to_server(encode(hello)).ok());
  hello.mutable_hello()->set_signature(bytes(63));
  EXPECT_FALSE(decode_to_server(encode(hello)).ok());
}

TEST(Codec, ReportLimits) {
  auto ended = [](pb::ToServer& m) { return m.mutable_command_ended(); };
  expect_rows<pb::ToServer>(
      good_ended(), decode_to_server,
      {
          {"action", [&](auto& m) { ended(m)->set_action(bytes(15)); }},
          {"epoch", [&](auto& m) { ended(m)->set_epoch(0); }},
          {"index", [&](auto& m) { ended(m)->set_index(100); }},
          {"index", [&](auto& m) { ended(m)->set_index(4294967295u); }},
          {"outcome", [&](auto& m) { ended(m)->set_outcome(pb::OUTCOME_UNSPECIFIED); }},
          {"outcome", [&](auto& m) { ended(m)->set_outcome(static_cast<pb::Outcome>(3)); }},
          {"exit_code", [&](auto& m) { ended(m)->set_has_exit_code(false); }},
          {"errors", [&](auto& m) { ended(m)->add_errors("ninth"); }},
          {"errors", [&](auto& m) { ended(m)->set_errors(0, bytes(kErrorBytesMax + 1, 'e')); }},
          {"result.name", [&](auto& m) { ended(m)->mutable_result()->set_name(bytes(31, 'a')); }},
          {"result.name", [&](auto& m) { ended(m)->mutable_result()->set_name(bytes(32, 'A')); }},
          {"result.name",
           [&](auto& m) { ended(m)->mutable_result()->set_name("../" + bytes(29, 'a')); }},
          {"result.sha256", [&](auto& m) { ended(m)->mutable_result()->set_sha256(bytes(31)); }},
          {"", [&](auto& m) { ended(m)->clear_result(); }},
          {"raw_stdout", [&](auto& m) { ended(m)->mutable_raw_stdout(); }},
          {"raw_stderr", [&](auto& m) { ended(m)->mutable_raw_stderr(); }},
          {"started_us", [&](auto& m) { ended(m)->set_started_us(-1); }},
          {"started_us", [&](auto& m) { ended(m)->set_started_us(kTimeUsMax + 1); }},
          {"ended_us", [&](auto& m) { ended(m)->set_ended_us(INT64_MIN); }},
          {"ended_us", [&](auto& m) { ended(m)->set_ended_us(INT64_MAX); }},
          {"", [&](auto& m) { ended(m)->set_ended_us(kTimeUsMax); }},
      });
  pb::ToServer started;
  started.mutable_command_started()->set_action(bytes(16));
  started.mutable_command_started()->set_epoch(1);
  expect_rows<pb::ToServer>(
      started, decode_to_server,
      {
          {"at_us", [](auto& m) { m.mutable_command_started()->set_at_us(-1); }},
          {"at_us", [](auto& m) { m.mutable_command_started()->set_at_us(kTimeUsMax + 1); }},
          {"", [](auto& m) { m.mutable_command_started()->set_at_us(kTimeUsMax); }},
      });
  expect_rows<pb::ToServer>(
      good_upload(), decode_to_server,
      {
          {"kind",
           [](auto& m) { m.mutable_upload_request()->set_kind(pb::UPLOAD_KIND_UNSPECIFIED); }},
          {"kind",
           [](auto& m) { m.mutable_upload_request()->set_kind(static_cast<pb::UploadKind>(4)); }},
          {"sha256", [](auto& m) { m.mutable_upload_request()->set_sha256(""); }},
          {"index", [](auto& m) { m.mutable_upload_request()->set_index(100); }},
          {"", [](auto& m) { m.mutable_upload_request()->set_file_name("日本.gz"); }},
          {"file_name", [](auto& m) { m.mutable_upload_request()->set_file_name("a/b"); }},
          {"file_name", [](auto& m) { m.mutable_upload_request()->set_file_name("a\nb"); }},
          {"file_name",
           [](auto& m) {
             m.mutable_upload_request()->set_file_name(bytes(kResultNameBytesMax + 1));
           }},
      });
  auto file = [](pb::ToServer& m) { return m.mutable_command_ended()->mutable_file(); };
  pb::ToServer fetched = good_ended();
  file(fetched)->set_path("/日本");
  file(fetched)->set_sha256(bytes(32));
  EXPECT_TRUE(decode_to_server(encode(fetched)).ok());
  expect_rows<pb::ToServer>(
      fetched, decode_to_server,
      {
          {"file.path", [&](auto& m) { file(m)->set_path(bytes(kFetchedPathBytesMax + 1)); }},
          {"file.path", [&](auto& m) { file(m)->set_path(std::string("a\0b", 3)); }},
          {"file.sha256", [&](auto& m) { file(m)->set_sha256(bytes(31)); }},
      });
}

TEST(Codec, ToAgentLimits) {
  auto execute = [](pb::ToAgent& m) { return m.mutable_execute_order(); };
  expect_rows<pb::ToAgent>(
      good_execute(), decode_to_agent,
      {
          {"order.order", [&](auto& m) { execute(m)->mutable_order()->set_order(""); }},
          {"order.signature",
           [&](auto& m) { execute(m)->mutable_order()->set_signature(bytes(65)); }},
          {"order.key_id", [&](auto& m) { execute(m)->mutable_order()->set_key_id(bytes(7)); }},
          {"files.content", [&](auto& m) { execute(m)->mutable_files(0)->set_inlined(false); }},
          {"files.url", [&](auto& m) { execute(m)->mutable_files(0)->set_url("https://x/"); }},
          {"",
           [&](auto& m) {
             execute(m)->mutable_files(0)->set_content(bytes(kInlineScriptBytesMax));
           }},
          {"files.content",
           [&](auto& m) {
             execute(m)->mutable_files(0)->set_content(bytes(kInlineScriptBytesMax));
             execute(m)->add_files()->set_inlined(true);
             execute(m)->mutable_files(1)->set_content("x");
           }},
          {"files",
           [&](auto& m) {
             while (execute(m)->files_size() < 101) {
               execute(m)->add_files();
             }
           }},
      });
  expect_rows<pb::ToAgent>(
      good_welcome(), decode_to_agent,
      {
          {"machine", [](auto& m) { m.mutable_welcome()->set_machine(""); }},
          {"contact", [](auto& m) { m.mutable_welcome()->set_contact(""); }},
          {"heartbeat_ms", [](auto& m) { m.mutable_welcome()->set_heartbeat_ms(0); }},
          {"heartbeat_ms", [](auto& m) { m.mutable_welcome()->set_heartbeat_ms(3600001); }},
          {"reconnect_hint_ms", [](auto& m) { m.mutable_welcome()->set_reconnect_hint_ms(~0ull); }},
      });
  pb::ToAgent grant;
  auto* g = grant.mutable_upload_grant();
  g->set_action(bytes(16));
  g->set_epoch(1);
  g->set_kind(pb::RESULT);
  EXPECT_FALSE(decode_to_agent(encode(grant)).ok());
  g->set_url("https://h/x");
  EXPECT_TRUE(decode_to_agent(encode(grant)).ok());
  g->set_error("no");
  EXPECT_FALSE(decode_to_agent(encode(grant)).ok());
  pb::ToAgent again;
  auto* u = again.mutable_upload_again();
  u->set_action(bytes(16));
  EXPECT_FALSE(decode_to_agent(encode(again)).ok());
  u->set_epoch(1);
  u->set_index(99);
  EXPECT_TRUE(decode_to_agent(encode(again)).ok());
  u->set_index(100);
  EXPECT_FALSE(decode_to_agent(encode(again)).ok());
  pb::ToAgent goodbye;
  goodbye.mutable_goodbye()->set_reason(bytes(kReasonBytesMax, 'r'));
  EXPECT_TRUE(decode_to_agent(encode(goodbye)).ok());
  goodbye.mutable_goodbye()->set_reason(bytes(kReasonBytesMax + 1, 'r'));
  EXPECT_FALSE(decode_to_agent(encode(goodbye)).ok());
}

TEST(Codec, ContactsRefusalsAndReceiptsHaveTheirLimits) {
  pb::ToServer kept;
  kept.mutable_contact_kept()->set_contact(bytes(15));
  EXPECT_FALSE(decode_to_server(encode(kept)).ok());
  kept.mutable_contact_kept()->set_contact(bytes(16));
  EXPECT_TRUE(decode_to_server(encode(kept)).ok());
  kept.mutable_order_keys_kept()->set_version(0);
  EXPECT_FALSE(decode_to_server(encode(kept)).ok());
  pb::ToServer refused;
  refused.mutable_order_refused()->set_action(bytes(16, '\0'));
  refused.mutable_order_refused()->set_epoch(1);
  EXPECT_FALSE(decode_to_server(encode(refused)).ok());
  refused.mutable_order_refused()->set_order_sha256(bytes(32));
  EXPECT_TRUE(decode_to_server(encode(refused)).ok());
  auto receipt = [](pb::ToServer& m) { return m.mutable_command_ended()->mutable_receipt(); };
  pb::ToServer ended = good_ended();
  receipt(ended)->set_receipt(bytes(1024 + kFetchedPathBytesMax));
  receipt(ended)->set_signature(bytes(64));
  EXPECT_TRUE(decode_to_server(encode(ended)).ok());
  expect_rows<pb::ToServer>(
      ended, decode_to_server,
      {
          {"receipt", [&](auto& m) { receipt(m)->set_receipt(""); }},
          {"receipt",
           [&](auto& m) { receipt(m)->set_receipt(bytes(1025 + kFetchedPathBytesMax)); }},
          {"receipt.signature", [&](auto& m) { receipt(m)->set_signature(bytes(63)); }},
      });
}

TEST(Codec, OrderKeysHaveTheirLimits) {
  pb::ToAgent m;
  auto* keys = m.mutable_order_keys();
  keys->set_keys(bytes(10));
  EXPECT_FALSE(decode_to_agent(encode(m)).ok()) << "no signature";
  keys->add_signatures()->set_key_id(bytes(8));
  EXPECT_FALSE(decode_to_agent(encode(m)).ok());
  keys->mutable_signatures(0)->set_signature(bytes(64));
  EXPECT_TRUE(decode_to_agent(encode(m)).ok());
  pb::OrderKeys list;
  EXPECT_FALSE(decode_order_keys(list.SerializeAsString()).ok());
  list.set_version(1);
  for (int i = 0; i < 8; ++i) {
    list.add_keys(bytes(44));
  }
  EXPECT_TRUE(decode_order_keys(list.SerializeAsString()).ok());
  list.add_keys(bytes(44));
  EXPECT_FALSE(decode_order_keys(list.SerializeAsString()).ok());
}

TEST(Codec, RefusesFramesThatAreEmptyTooLongOrNotText) {
  EXPECT_FALSE(decode_to_server("").ok());
  EXPECT_FALSE(decode_to_agent("").ok());
  EXPECT_FALSE(decode_to_server(bytes(kMessageBytesMax + 1)).ok());
  EXPECT_FALSE(decode_to_agent(bytes(kMessageBytesMax + 1)).ok());
  pb::ToServer m;
  m.mutable_order_refused()->set_action(bytes(16));
  m.mutable_order_refused()->set_epoch(1);
  m.mutable_order_refused()->set_reason("\xff\xfe");
  EXPECT_FALSE(decode_to_server(m.SerializeAsString()).ok());
}

// A CommandEnded whose last fields are `tail`, byte for byte.
std::string ended_with(const std::string& tail) {
  pb::CommandEnded m;
  m.set_action(bytes(16));
  m.set_epoch(1);
  m.set_outcome(pb::FAILED);
  const std::string body = m.SerializeAsString() + tail;
  return std::string("\x42", 1) + static_cast<char>(body.size()) + body;  // field 8, its length
}

// Source: trust.md §5.9.15: exit_code 2^63, a string, null.
TEST(Codec, AnExitCodeThatIsNoInt32IsRefused) {
  const std::string has_code("\x40\x01", 2);
  EXPECT_TRUE(decode_to_server(ended_with("\x38\x05" + has_code)).ok());
  EXPECT_EQ(decode_to_server(ended_with("\x38\x05" + has_code))->command_ended().exit_code(), 5);
  const std::string minus_one = "\x38" + std::string(9, '\xff') + "\x01";
  EXPECT_TRUE(decode_to_server(ended_with(minus_one + has_code)).ok());
  const std::string rows[] = {
      "\x38" + std::string(9, '\x80') + "\x01" + has_code,         // 2^63
      std::string("\x38\x85\x80\x80\x80\x10", 6) + has_code,       // 2^32 + 5
      std::string("\x3a\x01\x35", 3) + has_code,                   // the string "5"
      std::string("\x39", 1) + std::string(8, '\x05') + has_code,  // eight bytes, fixed
      std::string("\x38\x05\x38\x06", 4) + has_code,               // twice
      std::string("\x38\x85\x00", 3) + has_code,                   // 5, the long way
      has_code + "\x38\x05",                                       // out of order
  };
  for (const std::string& tail : rows) {
    auto result = decode_to_server(ended_with(tail));
    ASSERT_FALSE(result.ok()) << to_hex(tail);
    EXPECT_EQ(result.error().code, Errc::protocol);
  }
}

// A machine's facts and addresses, too: os_build as eight bytes was once read as "none".
TEST(Codec, AFactOfAMachineThatIsOfAnotherTypeIsRefused) {
  const std::string body = good_body().SerializeAsString();
  EXPECT_TRUE(decode_hello_body(body).ok());
  EXPECT_EQ(decode_hello_body(body + std::string("\x80\x01\x19", 3))->os_build(), 25U);
  const std::string rows[] = {
      std::string("\x78\x05", 2),           // os_distribution, a number
      "\x81\x01" + std::string(8, '\x05'),  // os_build, eight bytes
      std::string("\x82\x01\x01\x35", 4),   // os_build, the string "5"
      std::string("\x88\x01\x05", 3),       // os_processor, a number
  };
  for (const std::string& tail : rows) {
    auto result = decode_hello_body(body + tail);
    ASSERT_FALSE(result.ok()) << to_hex(tail);
    EXPECT_EQ(result.error().code, Errc::protocol);
  }
  pb::Hello::Body without = good_body();
  without.clear_addresses();
  const std::string ip(
      "\x0a\x09"
      "127.0.0.1",
      11);
  for (const std::string& tail : {std::string("\x10\x05", 2),         // mac, a number
                                  std::string("\x1a\x01\x02", 3),     // type, a string
                                  std::string("\x25\1\0\0\0", 5)}) {  // status, four bytes
    const std::string address = ip + tail;
    auto result = decode_hello_body(without.SerializeAsString() + "\x52" +
                                    static_cast<char>(address.size()) + address);
    ASSERT_FALSE(result.ok()) << to_hex(tail);
    EXPECT_EQ(result.error().code, Errc::protocol);
  }
}

// Source: trust.md §5.9.4 and §5.9.3: what a newer version adds does not stop an older one.
TEST(Codec, IgnoresFieldsAndKindsThatItDoesNotKnow) {
  const std::string new_field("\x82\x06\x03new", 6);  // field 96, bytes
  auto ended = decode_to_server(ended_with(new_field));
  ASSERT_TRUE(ended.ok()) << ended.error().message;
  EXPECT_EQ(ended->command_ended().outcome(), pb::FAILED);
  auto to_server = decode_to_server(new_field);
  ASSERT_TRUE(to_server.ok());
  EXPECT_EQ(to_server->message_case(), pb::ToServer::MESSAGE_NOT_SET);
  auto to_agent = decode_to_agent(new_field);
  ASSERT_TRUE(to_agent.ok());
  EXPECT_EQ(to_agent->message_case(), pb::ToAgent::MESSAGE_NOT_SET);
  // A kind that is known, but as a number.
  EXPECT_FALSE(decode_to_server(std::string("\x10\x01", 2)).ok());
  EXPECT_FALSE(decode_to_agent(std::string("\x10\x01", 2)).ok());
}

// Whatever the bytes are, decoding ends in a value or in Errc::protocol.
TEST(Codec, SurvivesMutatedFrames) {
  std::mt19937_64 random(1);
  const std::string seeds[] = {encode(good_ended()), encode(good_upload()), encode(good_execute()),
                               encode(good_welcome())};
  for (int round = 0; round < 100000; ++round) {
    std::string frame = seeds[random() % 4];
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) {
      frame[random() % frame.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) {
      frame.resize(random() % frame.size());
    }
    auto server = decode_to_server(frame);
    auto agent = decode_to_agent(frame);
    EXPECT_TRUE(server.ok() || server.error().code == Errc::protocol);
    EXPECT_TRUE(agent.ok() || agent.error().code == Errc::protocol);
  }
}

}  // namespace
}  // namespace reachback::protocol
