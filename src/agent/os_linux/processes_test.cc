#include "agent/os_linux/processes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "agent/os_linux/test_support.h"
#include "agent/os_linux/tree.h"
#include "agent/ports/memory_file.h"

namespace reachback::agent {
namespace {

// Each test runs with the cgroup, where one can be made, and with the walk over /proc.
class ProcessesTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    processes_ = make_linux_processes(
        events_, ProcessesOptions{GetParam(), prepare_cgroup(own_cgroup_folder()), {}, bystander_});
    marker_ = "REACHBACK_TEST=" + folder_.path();
  }

  ProcessSpec spec(std::string script, std::vector<std::string> arguments = {}) {
    script_ = std::move(*sealed_memory_file(script));
    out_ = std::move(*open_file(folder_.file("out"), O_RDWR | O_CREAT | O_TRUNC));
    err_ = std::move(*open_file(folder_.file("err"), O_RDWR | O_CREAT | O_TRUNC));
    ProcessSpec s;
    s.program = "/bin/bash";
    s.arguments = {"/bin/bash", "/proc/self/fd/3"};
    s.arguments.insert(s.arguments.end(), arguments.begin(), arguments.end());
    s.environment = {"PATH=/usr/bin:/bin", marker_, "REACHBACK_ACTION=" + folder_.path()};
    s.folder = folder_.path();
    s.script_fd = script_.get();
    s.stdout_file = out_.get();
    s.stderr_file = err_.get();
    s.output_bytes_max = 1 << 20;
    return s;
  }
  void start(const ProcessSpec& s) {
    end_.reset();
    auto started = processes_->start(s, [this](const ProcessEnd& end) { end_ = end; });
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  ProcessEnd wait() {
    EXPECT_TRUE(events_.run_until([this] { return end_.has_value(); }));
    return end_.value_or(ProcessEnd());
  }
  ProcessEnd run(const std::string& script, std::vector<std::string> arguments = {}) {
    start(spec(script, std::move(arguments)));
    return wait();
  }
  std::string out() const { return read_file(folder_.file("out")).value(); }
  std::string err() const { return read_file(folder_.file("err")).value(); }
  std::size_t survivors() const { return processes_with_environment(marker_).size(); }
  // Until the script has written this to its output.
  bool wait_for_output(const std::string& text) {
    return events_.run_until([&] { return out().find(text) != std::string::npos; });
  }

  TestFolder folder_;
  PollEvents events_;
  std::shared_ptr<Bystander> bystander_ = std::make_shared<Bystander>();
  std::unique_ptr<Processes> processes_;
  std::string marker_;
  Fd script_, out_, err_;
  std::optional<ProcessEnd> end_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, ProcessesTest, testing::Values("reachback-test", ""),
                         [](const auto& kind) {
                           return std::string(kind.param).empty() ? "Walk" : "Cgroup";
                         });

TEST_P(ProcessesTest, KeepsTheStreamsApartAndTellsTheExitCode) {
  const ProcessEnd end = run("echo one; echo two >&2; exit 7");
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_FALSE(end.killed);
  EXPECT_EQ(out(), "one\n");
  EXPECT_EQ(err(), "two\n");
  EXPECT_EQ(end.out.seen, 4u);
  EXPECT_EQ(end.err.stored, 4u);
}

// What somebody sees who types at a terminal, and its recording.
TEST_P(ProcessesTest, ATerminalIsTheProcesssOwnAndIsRecordedWithItsTiming) {
  auto s = spec(
      "test -t 0 && test -t 1 && test -t 2 && stty size && exec 4</dev/tty && read -r line && "
      "echo \"got $line\" && read -r line && stty size && exit 6");
  s.terminal = TerminalWindow{40, 100};
  s.environment.emplace_back("LC_ALL=C.UTF-8");
  start(s);
  ASSERT_TRUE(wait_for_output("40 100\r\n")) << out();
  EXPECT_EQ(processes_->type("hello\r"), 6u);
  ASSERT_TRUE(wait_for_output("got hello\r\n")) << out();
  processes_->resize(TerminalWindow{50, 120});
  EXPECT_EQ(processes_->type("\r"), 1u);
  const ProcessEnd end = wait();
  EXPECT_EQ(end.exit_code, 6);
  EXPECT_EQ(out(), "40 100\r\nhello\r\ngot hello\r\n\r\n50 120\r\n");
  EXPECT_EQ(end.out.stored, out().size());
  EXPECT_EQ(end.err.stored, err().size());
  std::istringstream timing(err());
  double seconds = 0;
  std::size_t bytes = 0, sum = 0;
  while (timing >> seconds >> bytes) {
    EXPECT_GE(seconds, 0);
    sum += bytes;
  }
  EXPECT_TRUE(timing.eof());
  EXPECT_EQ(sum, out().size());
  EXPECT_EQ(processes_->type("late"), 0u);
}

TEST_P(ProcessesTest, ATerminalTakesNoMoreThanItHoldsAndEndsAsAWhole) {
  auto s = spec("stty raw -echo; echo ready; sleep 300");
  s.terminal = TerminalWindow{};
  start(s);
  ASSERT_TRUE(wait_for_output("ready"));
  const std::string much(1 << 20, 'x');
  const std::size_t taken = processes_->type(much);
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, much.size()) << "nobody reads it";
  processes_->kill();
  EXPECT_TRUE(wait().killed);
  EXPECT_EQ(survivors(), 0u);
}

TEST_P(ProcessesTest, WithoutATerminalNothingIsTyped) {
  start(spec("read -r line; test -z \"$line\""));
  EXPECT_EQ(processes_->type("x\n"), 0u);
  processes_->resize(TerminalWindow{});
  EXPECT_EQ(wait().exit_code, 0);
}

TEST_P(ProcessesTest, ASignalIsAnExitCodeOf128AndItsNumber) {
  EXPECT_EQ(run("kill -TERM $$").exit_code, 128 + SIGTERM);
  EXPECT_EQ(run("kill -KILL $$").exit_code, 128 + SIGKILL);
}

TEST_P(ProcessesTest, ASecondProcessRunsAfterTheFirst) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(run("exit " + std::to_string(i)).exit_code, i);
  }
}

TEST_P(ProcessesTest, AProgramThatIsNotThereIsAnError) {
  auto s = spec("");
  s.program = "/nowhere/bash";
  auto started = processes_->start(s, [](const ProcessEnd&) { FAIL(); });
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, Errc::not_found);
  EXPECT_NE(started.error().message.find("/nowhere/bash"), std::string::npos);
  s = spec("");
  s.folder = "/nowhere";
  started = processes_->start(s, [](const ProcessEnd&) { FAIL(); });
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(run("exit 3").exit_code, 3);
}

TEST_P(ProcessesTest, SurvivorsOfAKillAreNone) {
  const std::string nasty[] = {
      "sleep 1000 & echo ready; wait",
      "setsid sleep 1000 & echo ready; wait",
      "nohup sleep 1000 >/dev/null 2>&1 & echo ready; sleep 1000",
      "(setsid bash -c 'sleep 1000 & sleep 1000 & wait' &) ; echo ready; sleep 1000",
      "trap '' TERM HUP INT; echo ready; while :; do sleep 1000; done",
      "setsid bash -c '(bash -c \"trap \\\"\\\" TERM; sleep 1000\" &)' ; echo ready; sleep 1000",
      "bash -c 'exec -a \"a) R 1 1\" sleep 1000' & echo ready; wait",
      "kill -STOP $BASHPID & echo ready; sleep 1000",
      "for i in $(seq 30); do (setsid sleep 1000 &); done; echo ready; sleep 1000",
      "while :; do setsid sleep 1000 & done & echo ready; sleep 1000",
      "f() { f | f & }; ulimit -u 200 2>/dev/null; sleep 1000 | sleep 1000 & echo ready; wait",
  };
  for (const auto& script : nasty) {
    start(spec(script));
    ASSERT_TRUE(wait_for_output("ready")) << script;
    processes_->kill();
    EXPECT_EQ(survivors(), 0u) << script;
    const ProcessEnd end = wait();
    EXPECT_TRUE(end.killed) << script;
    EXPECT_EQ(end.exit_code, 128 + SIGKILL) << script;
    EXPECT_EQ(out(), "ready\n") << script;
  }
}

TEST_P(ProcessesTest, WhatIsLeftWhenTheMainProcessEndsIsEnded) {
  const std::string nasty[] = {
      "sleep 1000 & exit 5",
      "setsid sleep 1000 >/dev/null 2>&1 </dev/null & exit 5",
      "nohup bash -c 'while :; do echo x; done' & exit 5",
      "(setsid bash -c 'sleep 1000 & sleep 1000' &) ; exit 5",
  };
  for (const auto& script : nasty) {
    EXPECT_EQ(run(script).exit_code, 5) << script;
    EXPECT_EQ(survivors(), 0u) << script;
  }
}

TEST_P(ProcessesTest, OutputOfADescendantIsStillReadForAWhile) {
  EXPECT_EQ(run("(sleep 0.05; echo late) & exit 0").exit_code, 0);
  EXPECT_EQ(out(), "late\n");
}

TEST_P(ProcessesTest, BeyondTheCapOutputIsCountedAndNotStored) {
  auto s = spec("head -c 3000000 /dev/zero; echo done >&2");
  s.output_bytes_max = 1000;
  start(s);
  const ProcessEnd end = wait();
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.out.seen, 3000000u);
  EXPECT_EQ(end.out.stored, 1000u);
  EXPECT_FALSE(end.out.storage_full);
  EXPECT_EQ(out().size(), 1000u);
  EXPECT_EQ(err(), "done\n");
}

TEST_P(ProcessesTest, AFullDiskDoesNotStopTheScript) {
  auto s = spec("head -c 100000 /dev/zero; exit 4");
  Fd full = std::move(*open_file("/dev/full", O_WRONLY));
  s.stdout_file = full.get();
  start(s);
  const ProcessEnd end = wait();
  EXPECT_EQ(end.exit_code, 4);
  EXPECT_EQ(end.out.seen, 100000u);
  EXPECT_EQ(end.out.stored, 0u);
  EXPECT_TRUE(end.out.storage_full);
}

TEST_P(ProcessesTest, InheritsNothingButWhatIsNamed) {
  Fd leaked(::open("/dev/null", O_RDONLY));  // not close-on-exec
  auto s = spec("");
  auto look = [&](std::vector<std::string> arguments) {
    s.program = arguments[0];
    s.arguments = std::move(arguments);
    EXPECT_EQ(::ftruncate(out_.get(), 0), 0);
    ::lseek(out_.get(), 0, SEEK_SET);
    start(s);
    EXPECT_EQ(wait().exit_code, 0);
    return out();
  };
  EXPECT_EQ(look({"/usr/bin/env"}),
            "PATH=/usr/bin:/bin\n" + marker_ + "\nREACHBACK_ACTION=" + folder_.path() + "\n");
  EXPECT_EQ(look({"/bin/ls", "/proc/self/fd"}), "0\n1\n2\n3\n4\n");  // 4: the listing's own
  EXPECT_EQ(look({"/bin/readlink", "/proc/self/fd/0"}), "/dev/null\n");
  EXPECT_EQ(look({"/bin/readlink", "/proc/self/cwd"}), folder_.path() + "\n");
  const std::string status = look({"/bin/cat", "/proc/self/status"});
  for (const char* line :
       {"SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n", "Umask:\t0022\n"}) {
    EXPECT_NE(status.find(line), std::string::npos) << line;
  }
  std::istringstream stat(look({"/bin/cat", "/proc/self/stat"}));
  std::string pid, name, state, parent, group, session;
  stat >> pid >> name >> state >> parent >> group >> session;
  EXPECT_EQ(group, pid);
  EXPECT_EQ(session, pid);
  s.script_fd = -1;
  EXPECT_EQ(look({"/bin/ls", "/proc/self/fd"}), "0\n1\n2\n3\n");
}

TEST_P(ProcessesTest, TheArgumentsArriveByteForByte) {
  const std::vector<std::string> corpus = {
      "; rm -rf /", "$(id)", "`id`",  "a\nb",     "-c",    "--",
      "",           "*",     "~",     "\xff\xfe", "'",     "\"",
      "\\",         "$HOME", "| cat", "&& ls",    "\t x ", "gr\xc3\xbc\xc3\x9f"};
  run("printf '%s\\0' \"$@\"", corpus);
  std::string expected;
  for (const auto& word : corpus) {
    expected += word + '\0';
  }
  EXPECT_EQ(out(), expected);
}

TEST_P(ProcessesTest, TheScriptCannotBeChangedOnceItIsSealed) {
  start(spec("echo one; read x </dev/tcp/nowhere/0 2>/dev/null; echo two"));
  EXPECT_LT(::pwrite(script_.get(), "rm", 2, 0), 0);
  EXPECT_NE(::ftruncate(script_.get(), 0), 0);
  wait();
  EXPECT_EQ(out(), "one\ntwo\n");
}

TEST_P(ProcessesTest, ABystanderIsLeftAloneAndItsEndIsKnown) {
  const pid_t other = ::fork();
  if (other == 0) {
    ::pause();
    ::_exit(0);
  }
  bystander_->pid = other;
  EXPECT_EQ(run("setsid sleep 1000 & echo done").exit_code, 0);
  start(spec("echo ready; sleep 1000"));
  ASSERT_TRUE(wait_for_output("ready"));
  processes_->kill();
  wait();
  EXPECT_EQ(survivors(), 0u);
  EXPECT_EQ(::kill(other, 0), 0) << "it lives";
  EXPECT_EQ(bystander_->pid, other);
  ::kill(other, SIGKILL);
  run("sleep 0.05");
  int status = 0;
  const bool buried_here = ::waitpid(other, &status, 0) == other;
  EXPECT_TRUE(buried_here || (bystander_->pid == 0 && WIFSIGNALED(bystander_->status)));
}

TEST_P(ProcessesTest, AScriptLeavesNoCoreAndHasItsLimitOfMemory) {
  processes_.reset();
  processes_ =
      make_linux_processes(events_, ProcessesOptions{"", {}, {256 << 20, 0, 0, false}, {}});
  EXPECT_EQ(run("ulimit -c; ulimit -Hd").exit_code, 0);
  EXPECT_EQ(out(), "0\n262144\n");
}

TEST_P(ProcessesTest, TheAgentsOwnProgramHasNoLimitOfEachProcess) {
  processes_.reset();
  processes_ =
      make_linux_processes(events_, ProcessesOptions{"", {}, {256 << 20, 0, 0, false}, {}});
  ProcessSpec own = spec("ulimit -c; ulimit -Sd");
  own.is_own_program = true;
  start(own);
  EXPECT_EQ(wait().exit_code, 0);
  rlimit mine{};
  ASSERT_EQ(::getrlimit(RLIMIT_DATA, &mine), 0);
  EXPECT_EQ(out(), "0\n" +
                       (mine.rlim_cur == RLIM_INFINITY ? std::string("unlimited")
                                                       : std::to_string(mine.rlim_cur >> 10)) +
                       "\n");
}

TEST_P(ProcessesTest, LeftoversOfAnEarlierLifeAreFoundByTheirAction) {
  start(spec("setsid sleep 1000 & echo ready; wait"));
  ASSERT_TRUE(wait_for_output("ready"));
  PollEvents other_events;
  auto other = make_linux_processes(other_events, {});
  other->kill_leftovers(folder_.path());
  EXPECT_EQ(survivors(), 0u);
  EXPECT_EQ(wait().exit_code, 128 + SIGKILL);
}

}  // namespace
}  // namespace reachback::agent
