// For the tests of `shell`: a session on the fake API, and what its lines answer.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/fake_api.h"
#include "json/json.h"

namespace reachback::cli {
inline const std::string kMachine = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
inline const std::string kOpen = "POST /api/reachback/machines/" + kMachine + "/sessions";
inline const std::string kSession = "/api/reachback/sessions/s1";
inline const std::string kSend = "POST " + kSession + "/commands";
inline const std::string kClose = "POST " + kSession + "/close";
inline const std::string kBusy =
    "ActiveRequestAlreadyExists: the machine has an unfinished action (HTTP 400): wait";

inline std::string id_of(int number) {
  return "11111111-2222-4333-8444-00000000000" + std::to_string(number);
}
inline std::string wait_for(int number) {
  return "GET /api/machineactions/" + id_of(number) + "?waitFor=final&timeout=30s";
}
inline std::string action(int number, const std::string& status, const std::string& more = "",
                          const std::string& params = "") {
  return R"({"id":")" + id_of(number) + R"(","status":")" + status + R"(","requestor":"ann")" +
         R"(,"commands":[{"index":0,"commandStatus":")" +
         (status == "Succeeded" ? "Completed" : status) + R"(","startTime":"T1","errors":[])" +
         more + R"(,"command":{"type":"BuiltIn","params":[)" + params + "]}}]}";
}

class ShellTest : public testing::Test {
 protected:
  ShellTest() {
    options.machine = kMachine;
    api.answer(kOpen, std::string(R"({"id":"s1","machineId":")" + kMachine +
                                  R"(","machineName":"web-01","idleTimeoutSeconds":1800})"));
    api.answer(kClose, std::string(R"({"id":"s1","status":"Ended"})"));
  }
  // An answer to a line: a command and what its action comes to.
  struct Answer {
    int number = 1;
    std::string line, name, by = "agent";
    std::string columns = "[]", output = "table", file = "null", background = "false";
    std::string params, status = "Succeeded", more;
  };
  static std::string command(const Answer& a, const std::string& status) {
    return R"({"number":)" + std::to_string(a.number) + R"(,"commandLine":)" + json::quote(a.line) +
           R"(,"currentDirectory":"/","command":")" + a.name + R"(","by":")" + a.by +
           R"(","output":")" + a.output + R"(","file":)" + a.file + R"(,"background":)" +
           a.background + R"(,"columns":)" + a.columns + R"(,"action":)" +
           action(a.number, status, a.more, a.params) + "}";
  }
  void expect(const Answer& a) {
    api.answer(kSend, command(a, "Pending"));
    api.answer(wait_for(a.number), action(a.number, a.status, a.more, a.params));
  }
  void expect_client(const std::string& name, const std::string& parameters = "{}",
                     const std::string& columns = "[]", const std::string& output = "table",
                     const std::string& file = "null") {
    api.answer(kSend,
               std::string(R"({"command":")" + name + R"(","by":"client","output":")" + output +
                           R"(","file":)" + file + R"(,"background":false,"columns":)" + columns +
                           R"(,"parameters":)" + parameters + "}"));
  }
  void result(int number, const std::string& output, const std::string& errors = "", int code = 0) {
    const std::string link = "https://blobs/" + std::to_string(number);
    api.answer(
        "GET /api/machineactions/" + id_of(number) + "/GetLiveResponseResultDownloadLink(index=0)",
        std::string(R"({"value":")" + link + R"("})"));
    api.link(link, R"({"exit_code":)" + std::to_string(code) + R"(,"script_output":)" +
                       json::quote(output) + R"(,"script_errors":)" + json::quote(errors) + "}");
  }
  // A dir with one row.
  void expect_dir(int number, const std::string& row = R"({"name":"etc","size":1})") {
    expect({.number = number, .line = "dir", .name = "dir", .columns = R"(["size","name"])"});
    result(number, row + "\n");
  }
  int run_lines(const std::vector<std::string>& lines) {
    options.lines = lines;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    auto exit = shell(api, terminal, options);
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    error = exit.ok() ? Error{} : exit.error();
    return exit.ok() ? *exit : -1;
  }
  std::size_t calls(const std::string& call) {
    return static_cast<std::size_t>(std::count(api.calls.begin(), api.calls.end(), call));
  }

  FakeApi api;
  Terminal terminal;
  ShellOptions options;
  std::string out, err;
  Error error;
};

}  // namespace reachback::cli
