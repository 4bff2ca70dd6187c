#include "cli/live.h"

#include <gtest/gtest.h>

#include "cli/commands.h"
#include "cli/fake_api.h"

namespace reachback::cli {
namespace {

const std::string kAction = "11111111-2222-4333-8444-555555555555";
const std::string kMachine = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
const std::string kPath = "/api/machineactions/" + kAction;
const std::string kFollow = "FOLLOW " + kPath + "/events";
const std::string kLink = "https://blobs/x?sig=1";

std::string event(const std::string& id, const std::string& type, const std::string& data) {
  return "id: " + id + "\nevent: " + type + "\ndata: " + data + "\n\n";
}
std::string output(const std::string& id, int offset, int length, const std::string& text,
                   const std::string& stream = "stdout", int index = 0) {
  return event(id, "output",
               R"({"index":)" + std::to_string(index) + R"(,"stream":")" + stream +
                   R"(","offset":)" + std::to_string(offset) + R"(,"length":)" +
                   std::to_string(length) + R"(,"text":")" + text + R"("})");
}
const std::string kEnd = event("99", "end", R"({"status":"Succeeded"})");

std::string action(const std::string& status) {
  return R"({"id":")" + kAction + R"(","status":")" + status +
         R"(","commands":[{"index":0,"commandStatus":"Completed","errors":[]}]})";
}

class LiveRun : public testing::Test {
 protected:
  LiveRun() {
    options.targets.machines = {kMachine};
    options.script = "t.sh";
    api.answer("POST /api/machines/" + kMachine + "/runliveresponse", action("Pending"));
    api.answer("GET " + kPath + "?waitFor=final&timeout=30s", action("Succeeded"));
    api.answer("GET " + kPath + "/GetLiveResponseResultDownloadLink(index=0)",
               R"({"value":")" + kLink + R"("})");
    result("one\\ntwo\\n", "err\\n");
  }
  void result(const std::string& out_text, const std::string& err_text) {
    api.link(kLink, R"({"exit_code":3,"script_output":")" + out_text + R"(","script_errors":")" +
                        err_text + R"("})");
  }
  int run_it() {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    auto exit = run(api, Terminal(), options);
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    error = exit.ok() ? Error{} : exit.error();
    return exit.ok() ? *exit : -1;
  }
  std::size_t follows() const {
    return static_cast<std::size_t>(std::count_if(
        api.calls.begin(), api.calls.end(), [](const auto& c) { return c.starts_with("FOLLOW"); }));
  }
  FakeApi api;
  RunOptions options;
  std::string out, err;
  Error error;
};

TEST_F(LiveRun, what_was_shown_live_is_not_shown_again) {
  api.answer(kFollow, output("1", 0, 4, "one\\n") + output("2", 0, 4, "err\\n", "stderr") +
                          output("3", 4, 4, "two\\n") + kEnd);
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "one\ntwo\n");
  EXPECT_EQ(err, "err\n");
}

TEST_F(LiveRun, it_is_shown_before_the_end) {
  std::string at_first_wait;
  api.answer(kFollow, output("1", 0, 4, "one\\n") + kEnd);
  LiveView view(0, {[&at_first_wait](ScriptStream, std::string_view text) {
                      at_first_wait += text;
                      return true;
                    },
                    nullptr});
  ASSERT_TRUE(follow_action(api, *ActionId::parse(kAction), std::nullopt, view).ok());
  EXPECT_EQ(at_first_wait, "one\n");
  EXPECT_TRUE(view.ended());
}

TEST_F(LiveRun, what_a_gap_left_out_comes_from_the_result_in_its_place) {
  api.answer(kFollow, output("1", 0, 4, "one\\n") +
                          event("2", "gap", R"({"index":0,"stream":"stdout","from":4,"to":6})") +
                          output("3", 6, 2, "o\\n") + kEnd);
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "one\ntwo\n");
}

TEST_F(LiveRun, a_hole_that_nobody_tells_of_is_a_gap) {
  api.answer(kFollow, output("1", 4, 4, "two\\n") + kEnd);
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "one\ntwo\n");
}

TEST_F(LiveRun, a_cut_connection_goes_on_after_the_last_event) {
  api.answer(kFollow, output("1", 0, 4, "one\\n") + "id: 2\nevent: output\nda");
  api.answer(kFollow + " after 1",
             output("2", 0, 4, "one\\n") + output("3", 4, 4, "two\\n") + kEnd);
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "one\ntwo\n");
  EXPECT_EQ(follows(), 2u);
  EXPECT_EQ(api.paused, std::vector<std::int64_t>{1});
}

TEST_F(LiveRun, a_server_that_is_away_for_a_moment_is_asked_again) {
  api.answer(kFollow, Error{Errc::unavailable, "refused"});
  api.answer(kFollow, output("1", 0, 8, "one\\ntwo\\n") + kEnd);
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "one\ntwo\n");
}

TEST_F(LiveRun, a_server_without_events_is_waited_for_in_the_old_way) {
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "one\ntwo\n");
  EXPECT_EQ(follows(), 1u);
}

TEST_F(LiveRun, no_live_asks_for_no_events) {
  options.no_live = true;
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(follows(), 0u);
}

TEST_F(LiveRun, text_is_counted_as_it_is_shown_not_as_the_script_wrote_it) {
  // One byte that is no UTF-8 became three.
  result("a\\ufffdb\\n", "");
  api.answer(kFollow, output("1", 0, 2, "a\xef\xbf\xbd") + kEnd);
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out,
            "a\xef\xbf\xbd"
            "b\n");
}

TEST_F(LiveRun, the_place_after_what_was_shown_is_found_however_the_result_is_cut) {
  const std::string bad = "\xef\xbf\xbd";
  const std::string whole = "x" + bad + bad + "\xef\xbf\xbey" + bad + "z";
  for (const std::string& first : {std::string("x"), "x" + bad, "x" + bad + bad}) {
    for (std::size_t cut = 1; cut <= whole.size(); ++cut) {
      LiveView view(0, {[](ScriptStream, std::string_view) { return true; }, nullptr});
      view.take({"1", "output",
                 R"({"index":0,"stream":"stdout","offset":0,"length":3,"text":")" + first + "\"}"});
      RestOfResult rest(view.shown());
      std::string got;
      for (std::size_t at = 0; at < whole.size(); at += cut) {
        got += rest.rest(ScriptStream::output, std::string_view(whole).substr(at, cut));
      }
      EXPECT_TRUE(rest.finish().ok()) << cut;
      EXPECT_EQ(got, whole.substr(first.size())) << cut;
    }
  }
}

TEST_F(LiveRun, a_gap_without_an_end_is_a_gap) {
  api.answer(kFollow, output("1", 0, 4, "one\\n") +
                          event("2", "gap", R"({"index":0,"stream":"stdout","from":4})") +
                          output("3", 4, 4, "no\\n!") + kEnd);
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "one\ntwo\n");
}

TEST_F(LiveRun, text_that_the_result_does_not_have_is_an_error) {
  api.answer(kFollow, output("1", 0, 4, "ONE\\n") + kEnd);
  EXPECT_EQ(run_it(), -1);
  EXPECT_EQ(error.code, Errc::mismatch);
}

TEST_F(LiveRun, more_text_than_the_result_has_is_an_error) {
  result("one\\n", "");
  api.answer(kFollow, output("1", 0, 9, "one\\ntwo\\n+") + kEnd);
  EXPECT_EQ(run_it(), -1);
  EXPECT_EQ(error.code, Errc::mismatch);
}

TEST_F(LiveRun, events_of_other_commands_and_nonsense_are_passed_over) {
  api.answer(kFollow, output("1", 0, 4, "no\\n!", "stdout", 1) + event("2", "output", "[]") +
                          event("3", "output", R"({"index":0,"stream":"x","offset":0})") +
                          event("4", "new", "{}") + output("5", 0, 4, "one\\n") + kEnd);
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "one\ntwo\n");
}

TEST_F(LiveRun, an_interruption_leaves_the_action) {
  api.interrupt_at(kFollow);
  EXPECT_EQ(run_it(), 130);
  EXPECT_NE(err.find(kAction + " goes on"), std::string::npos);
}

TEST_F(LiveRun, hostile_output_is_made_harmless_on_a_terminal_across_pieces) {
  api.answer(kFollow, output("1", 0, 1, "\\u001b") + output("2", 1, 3, "[2J") + kEnd);
  result("\\u001b[2J", "");
  testing::internal::CaptureStdout();
  Terminal terminal;
  terminal.out_is_terminal = true;
  EXPECT_EQ(*run(api, terminal, options), 3);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "\\x1b[2J");
}

}  // namespace
}  // namespace reachback::cli
