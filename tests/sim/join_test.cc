// The joiner: what four sources saw becomes one history, and nothing that is wrong in one of them
// is lost on the way.
#include "join.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "server/store_sqlite/action_codec.h"

namespace reachback::sim {
namespace {

using action::CommandStatus;
using action::Status;

constexpr const char* kBlob = "00112233445566778899aabbccddeeff";

// One run of one action with one command, in the words of the four files.
struct Seen {
  std::string rows, effects, clients, blobs;
  action::Action now;

  Seen() {
    now.commands.resize(1);
    now.queue_deadline = from_micros(2'000'000);
    now.window = std::chrono::seconds(300);
    row(1000);
  }
  void row(std::int64_t at_ms, Status status = Status::pending) {
    now.status = status;
    rows += fmt::format(
        R"({{"at_ms":{},"action":"a","machine":"m","status":{},"created":1000000,"version":1,)"
        R"("key":"k","document":"{}"}})"
        "\n",
        at_ms, static_cast<int>(status), to_hex(server::encode_action(now)));
  }
  Seen& grant(std::int64_t at_ms = 1000) {
    now.epoch = 1;
    now.granted = from_micros(at_ms * 1000);
    row(at_ms, Status::in_progress);
    return *this;
  }
  Seen& effect(const char* what, std::int64_t at_ms, int index = 0, const char* flags = "") {
    effects += fmt::format("{} {}000000 a {}{}\n", what, at_ms, index, flags);
    return *this;
  }
  Seen& stored(std::int64_t at_ms, char byte = 'x') {
    blobs += fmt::format(R"({{"at_us":{},"blob":"{}","sha256":"{}"}})"
                         "\n",
                         at_ms * 1000, kBlob, to_hex(std::string(32, byte)));
    return *this;
  }
  Seen& complete(std::int64_t at_ms, std::size_t index = 0) {
    action::StoredBlob blob;
    blob.name = kBlob;
    blob.sha256.fill('x');
    now.commands[index].status = CommandStatus::completed;
    now.commands[index].result = blob;
    row(at_ms, Status::succeeded);
    return *this;
  }
};

Result<std::vector<Event>> joined(const Seen& seen) {
  std::istringstream rows(seen.rows), effects(seen.effects), clients(seen.clients),
      blobs(seen.blobs);
  return join(JoinInput{rows, effects, clients, blobs});
}

std::string kinds(const Seen& seen) {
  std::string out;
  auto history = joined(seen);
  if (!history) {
    return history.error().message;
  }
  for (const Event& e : *history) {
    out += (out.empty() ? "" : " ") + std::string(name_of(e.kind));
  }
  return out;
}

// The invariants that the checker finds broken.
std::string broken(const Seen& seen) {
  Checker checker(CheckOptions{.expiry_slack_us = 30'000'000});
  auto history = joined(seen);
  for (const Event& e : history.value()) {
    checker.read(e);
  }
  std::string out;
  for (const Violation& v : checker.violations()) {
    out += (out.empty() ? "" : " ") + v.invariant;
  }
  return out;
}

Seen good() {
  Seen seen;
  seen.grant().effect("start", 1010, 0, " 1 1").effect("end", 1020).stored(1025).complete(1030);
  return seen;
}

TEST(Join, a_good_run_is_one_history_in_its_true_order) {
  EXPECT_EQ(kinds(good()), "accepted granted status executed exited stored command status ended");
  EXPECT_EQ(broken(good()), "");
}

TEST(Join, a_deadline_is_counted_from_the_commit_by_true_time) {
  // The server's clock says 1 s, the true time is 500 s: its differences hold.
  Seen seen;
  seen.rows.clear();
  seen.row(500'000);
  const auto history = joined(seen).value();
  const auto margin = action::window_margin(seen.now.window);
  EXPECT_EQ(history[0].expires_us, 500'000'000 + 1'000'000 + 300'000'000 + margin.count());
}

TEST(Join, every_deadline_is_past_only_where_every_action_has_ended) {
  const auto open = joined(Seen().grant()).value(), over = joined(good()).value();
  EXPECT_EQ(open.back().at_us, 1'000'000);
  EXPECT_GT(over.back().at_us, over.front().expires_us + 30'000'000 - 1);
}

TEST(Join, a_second_start_and_a_start_without_an_intent_are_seen) {
  EXPECT_EQ(broken(good().effect("start", 1012, 0, " 1 1")), "V01 V10");
  Seen seen;
  seen.grant().effect("start", 1010, 0, " 0 1").effect("end", 1020).stored(1025).complete(1030);
  EXPECT_EQ(broken(seen), "V07");
}

TEST(Join, a_start_after_the_end_is_seen) {
  Seen seen;
  seen.grant();
  seen.now.cancellation.emplace();
  seen.row(1005, Status::cancelled);
  EXPECT_EQ(broken(seen), "");
  EXPECT_EQ(broken(seen.effect("start", 1010, 0, " 1 1")), "V04 V18");
}

TEST(Join, an_end_in_the_same_millisecond_is_not_held_against_a_start) {
  Seen seen;
  seen.grant().effect("start", 1005, 0, " 1 1").stored(1004);
  seen.now.commands[0].status = CommandStatus::failed;
  seen.row(1005, Status::failed);
  EXPECT_EQ(broken(seen), "");
}

TEST(Join, completed_before_the_blob_was_there_is_seen) {
  Seen late, other, none;
  late.grant().effect("start", 1010, 0, " 1 1").effect("end", 1020).complete(1030).stored(1040);
  EXPECT_EQ(broken(late), "V10");
  other.grant().effect("start", 1010, 0, " 1 1").effect("end", 1020).stored(1025, 'y');
  EXPECT_EQ(broken(other.complete(1030)), "V10");
  none.grant().effect("start", 1010, 0, " 1 1").effect("end", 1020).complete(1030);
  EXPECT_EQ(broken(none), "V10");
}

TEST(Join, completed_without_a_start_is_seen) {
  EXPECT_EQ(broken(Seen().grant().stored(1025).complete(1030)), "V10");
}

TEST(Join, a_command_that_does_not_find_the_end_of_the_one_before_is_seen) {
  for (const char* flags : {" 1 1", " 1 0"}) {
    Seen seen;
    seen.now.commands.resize(2);
    seen.rows.clear();
    seen.row(1000);
    seen.grant().effect("start", 1010, 0, " 1 1").effect("end", 1020);
    seen.effect("start", 1021, 1, flags);
    EXPECT_EQ(broken(seen), std::string(flags) == " 1 1" ? "" : "V08") << flags;
  }
}

TEST(Join, what_clients_were_told_stands_among_the_rest) {
  Seen seen = good();
  Event told;
  told.kind = Kind::answered;
  told.at_us = 1'002'000;
  told.action = "a";
  told.key = "k";
  seen.clients = to_json(told) + "\n";
  EXPECT_EQ(broken(seen), "");
  told.action = "b";
  seen.clients = to_json(told) + "\n";
  EXPECT_EQ(broken(seen), "V11");
  told.kind = Kind::minted;
  told.action = "a";
  told.at_us = 1'040'000;
  told.blob = kBlob;
  seen.clients = to_json(told) + "\n";
  EXPECT_EQ(broken(seen), "V15") << "no record in the audit";
  told.flag = true;
  told.blob[0] = 'f';
  seen.clients = to_json(told) + "\n";
  EXPECT_EQ(broken(seen), "V13");
}

TEST(Join, a_line_that_cannot_be_read_is_an_error_and_not_left_out) {
  for (std::string Seen::* file : {&Seen::rows, &Seen::effects, &Seen::clients, &Seen::blobs}) {
    Seen seen = good();
    seen.*file += "start of a line\n";
    EXPECT_EQ(joined(seen).error().code, Errc::corrupt);
  }
}

}  // namespace
}  // namespace reachback::sim
