#include "server/store_sqlite/action_codec.h"

#include <gtest/gtest.h>

#include "server/store_sqlite/bytes_codec.h"
#include "testing/sample_action.h"
#include "testing/seeded_random.h"

namespace reachback::server {
namespace {

using action::Action;

// What a document leaves to the columns.
Action columns_of(const Action& a) {
  Action c;
  c.tenant = a.tenant;
  c.id = a.id;
  c.machine = a.machine;
  c.status = a.status;
  c.created = a.created;
  c.version = a.version;
  return c;
}

Action full_action(testing::SeededRandom& random) {
  Action a =
      testing::sample_action(random, TenantId::make(random), testing::sample_machine_id(random));
  a = testing::sample_step(random, a);
  a = testing::sample_step(random, a);
  a.cancellation = action::Cancellation{"bob", "stop", testing::sample_time(5)};
  a.commands[0].raw_stdout = testing::sample_blob(random);
  a.commands[0].raw_stderr = testing::sample_blob(random);
  a.commands[0].exit_code = -2'147'483'647 - 1;
  a.commands[0].errors = {"one", ""};
  a.commands[0].result->bytes = UINT64_MAX;
  a.commands[0].started = from_micros(-1);
  a.commands[0].receipt = std::string("\0receipt", 8);
  a.commands[0].file = action::FetchedFile{"/ü", UINT64_MAX, testing::sample_blob(random).sha256};
  a.commands[1].keep = true;
  a.epoch = UINT64_MAX;
  return a;
}

TEST(ActionCodec, every_field_comes_back) {
  testing::SeededRandom random(1);
  Action a = full_action(random);
  Action back = columns_of(a);
  ASSERT_TRUE(decode_action(encode_action(a), back).ok());
  EXPECT_EQ(back, a);
}

TEST(ActionCodec, absent_and_empty_are_different) {
  testing::SeededRandom random(1);
  Action a = full_action(random);
  a.title = std::nullopt;
  a.external_id = "";
  a.cancellation.reset();
  a.commands[1].args = "";
  a.commands[0].args = std::nullopt;
  a.commands[0].params = {{"", ""}, {"k", ""}};
  Action back = columns_of(a);
  ASSERT_TRUE(decode_action(encode_action(a), back).ok());
  EXPECT_EQ(back, a);
}

// Bytes as version 1 writes them. They are read for ever: a change that breaks this needs a new
// version.
TEST(ActionCodec, a_document_of_version_1_is_read) {
  auto document = from_hex(
      "01"      // version
      "03016d"  // 1: machine name "m"
      "0507"    // 2: a command of 7 bytes
      "0203"    // 1: type 3, RunScript
      "090173"  // 4: file name "s"
      "1408"    // 10: status 8, Created
      "1805");  // 12: queue deadline -3
  ASSERT_TRUE(document.has_value());
  Action a;
  ASSERT_TRUE(decode_action(*document, a).ok());
  EXPECT_EQ(a.machine_name, "m");
  ASSERT_EQ(a.commands.size(), 1u);
  EXPECT_EQ(a.commands[0].type, action::CommandType::run_script);
  EXPECT_EQ(a.commands[0].file_name, "s");
  EXPECT_EQ(a.commands[0].status, action::CommandStatus::created);
  EXPECT_EQ(to_micros(a.queue_deadline), -3);
}

TEST(ActionCodec, an_unknown_version_field_or_value_is_refused) {
  testing::SeededRandom random(1);
  std::string document = encode_action(full_action(random));
  Action a;
  for (char version : {'\0', '\5', '\xff'}) {
    std::string other = document;
    other[0] = version;
    EXPECT_EQ(decode_action(other, a).error().code, Errc::corrupt);
  }
  EXPECT_EQ(decode_action("", a).error().code, Errc::corrupt);
  auto refused = [](auto write) {
    RecordWriter w;
    w.version(1);
    write(w);
    Action out;
    return !decode_action(w.take(), out).ok();
  };
  auto command = [](auto write) {
    return [write](RecordWriter& w) {
      RecordWriter c;
      write(c);
      w.bytes(2, c.take());
    };
  };
  EXPECT_TRUE(refused([](RecordWriter& w) { w.number(17, 1); }));
  EXPECT_TRUE(refused([](RecordWriter& w) { w.number(1, 1); }));           // not bytes
  EXPECT_TRUE(refused([](RecordWriter& w) { w.bytes(14, "x"); }));         // not a number
  EXPECT_TRUE(refused([](RecordWriter& w) { w.bytes(15, "short"); }));     // generation
  EXPECT_TRUE(refused(command([](RecordWriter& c) { c.number(1, 2); })));  // command type
  EXPECT_TRUE(refused(command([](RecordWriter& c) { c.number(1, 256 + 3); })));
  EXPECT_TRUE(refused(command([](RecordWriter& c) { c.number(10, 3); })));  // command status
  EXPECT_TRUE(refused(command([](RecordWriter& c) { c.bytes(3, "value without key"); })));
  EXPECT_TRUE(refused(command([](RecordWriter& c) { c.signed_number(13, 1LL << 40); })));
  EXPECT_TRUE(refused(command([](RecordWriter& c) { c.bytes(15, "\xff"); })));
  EXPECT_TRUE(refused(command([](RecordWriter& c) { c.bytes(19, "\xff"); })));
}

TEST(ActionCodec, no_cut_or_flip_is_read_past_its_end) {
  testing::SeededRandom random(1);
  Action original = full_action(random);
  std::string document = encode_action(original);
  for (std::size_t size = 0; size < document.size(); ++size) {
    // A heap copy of the exact size, so that reading past it is seen by a sanitizer.
    std::string cut(document.data(), size);
    Action a;
    (void)decode_action(cut, a);
    (void)decode_list(cut);
  }
  for (std::size_t i = 0; i < document.size() * 8; ++i) {
    std::string flipped = document;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    Action a;
    (void)decode_action(flipped, a);
  }
}

TEST(ListCodec, lists_come_back) {
  for (const auto& list : std::vector<std::vector<std::string>>{
           {}, {""}, {"a", std::string("\0b", 2)}, {std::string(1000, 'x')}}) {
    auto back = decode_list(encode_list(list));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, list);
  }
  EXPECT_FALSE(decode_list("").ok());
  EXPECT_FALSE(decode_list("\2").ok());
}

}  // namespace
}  // namespace reachback::server
