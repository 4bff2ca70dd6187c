#include "fleet/scripted_processes.h"

#include "agent/builtin/builtin.h"
#include "agent/command/fetch_file.h"
#include "agent/ports/memory_file.h"
#include "crypto/digest.h"
#include "fleet/test_support.h"
#include "testing/seeded_random.h"

namespace reachback::fleet {
namespace {

class ScriptedProcessesTest : public ::testing::Test {
 protected:
  void use(Behaviour behaviour) {
    processes_ = std::make_unique<ScriptedProcesses>(events_, random_, behaviour, pace_, "m1");
  }
  void start(agent::ProcessSpec spec) {
    spec.stdout_file = out_.get();
    spec.stderr_file = err_.get();
    spec.grown = [this] { ++grown_; };
    ASSERT_TRUE(processes_->start(spec, [this](agent::ProcessEnd end) { end_ = end; }).ok());
    EXPECT_FALSE(end_) << "it ended inside start()";
  }
  void start_script(std::uint64_t output_bytes_max = 1 << 30) {
    agent::ProcessSpec spec;
    spec.environment = {"REACHBACK_ACTION=a1", "REACHBACK_INDEX=3"};
    spec.output_bytes_max = output_bytes_max;
    start(spec);
  }
  // Until it ends; how long that took by its timers.
  Duration run() {
    Duration passed{};
    while (!end_ && events_.timers() == 1) {
      passed += events_.fire();
    }
    EXPECT_TRUE(end_);
    EXPECT_EQ(events_.timers(), 0u);
    return passed;
  }
  static std::string content(const Fd& file) {
    std::string out(agent::file_bytes(file.get()).value(), '\0');
    out.resize(read_at(file.get(), out.data(), out.size(), 0).value());
    return out;
  }

  FakeEvents events_;
  testing::SeededRandom random_{1};
  Pace pace_;
  Fd out_ = agent::make_memory_file().value();
  Fd err_ = agent::make_memory_file().value();
  std::unique_ptr<ScriptedProcesses> processes_;
  std::optional<agent::ProcessEnd> end_;
  int grown_ = 0;
};

TEST_F(ScriptedProcessesTest, AnInstantScriptEndsAtOnceAndSaysWhoseItWas) {
  use(Behaviour::instant);
  start_script();
  EXPECT_EQ(run(), Duration(0));
  EXPECT_EQ(end_->exit_code, 0);
  EXPECT_FALSE(end_->killed);
  EXPECT_EQ(content(out_), "m1 ran a1/3\n");
  EXPECT_EQ(end_->out.stored, content(out_).size());
  EXPECT_EQ(content(err_), "");
}

TEST_F(ScriptedProcessesTest, ASlowScriptTakesAsLongAsThePaceSays) {
  pace_.slow_min = std::chrono::seconds(2);
  pace_.slow_max = std::chrono::seconds(4);
  std::set<Duration> seen;
  for (int i = 0; i < 20; ++i) {
    use(Behaviour::slow);
    end_.reset();
    start_script();
    const Duration took = run();
    EXPECT_GE(took, pace_.slow_min);
    EXPECT_LE(took, pace_.slow_max);
    seen.insert(took);
  }
  EXPECT_GT(seen.size(), 10u);
}

TEST_F(ScriptedProcessesTest, AChattyScriptWritesAllAlongAndSaysSo) {
  pace_.chatty_for = std::chrono::seconds(1);
  pace_.chatty_every = std::chrono::milliseconds(100);
  use(Behaviour::chatty);
  start_script();
  events_.fire();
  EXPECT_EQ(grown_, 1);
  EXPECT_EQ(content(out_), "m1 ran a1/3\nline 1\n");
  run();
  EXPECT_EQ(grown_, 10);
  EXPECT_TRUE(content(out_).ends_with("line 9\nline 10\n"));
  EXPECT_EQ(content(err_), "10 lines so far\n");
}

TEST_F(ScriptedProcessesTest, ABigResultIsWrittenInPiecesAndWhole) {
  pace_.big_bytes = (1 << 20) + 123;
  use(Behaviour::big);
  start_script();
  EXPECT_LT(content(out_).size(), 100u);
  events_.fire();
  EXPECT_LT(content(out_).size(), pace_.big_bytes);
  run();
  EXPECT_EQ(content(out_).size(), pace_.big_bytes + std::string("m1 ran a1/3\n").size());
  EXPECT_EQ(end_->out.seen, end_->out.stored);
}

TEST_F(ScriptedProcessesTest, OutputBeyondTheCapIsCountedAndNotStored) {
  pace_.big_bytes = 1 << 20;
  use(Behaviour::big);
  start_script(/*output_bytes_max=*/1000);
  run();
  EXPECT_EQ(content(out_).size(), 1000u);
  EXPECT_EQ(end_->out.stored, 1000u);
  EXPECT_GT(end_->out.seen, pace_.big_bytes);
}

TEST_F(ScriptedProcessesTest, AKilledScriptEndsAtOnceAsKilled) {
  use(Behaviour::slow);
  start_script();
  processes_->kill();
  EXPECT_FALSE(end_);
  EXPECT_EQ(events_.fire(), Duration(0));
  ASSERT_TRUE(end_);
  EXPECT_TRUE(end_->killed);
  EXPECT_EQ(end_->exit_code, 137);
  processes_->kill();  // Nothing runs: no effect.
  EXPECT_EQ(events_.timers(), 0u);
}

TEST_F(ScriptedProcessesTest, AFetchedFileIsReportedWithTheHashOfItsBytes) {
  for (const bool raw : {true, false}) {
    for (const Behaviour behaviour : {Behaviour::instant, Behaviour::big}) {
      use(behaviour);
      end_.reset();
      out_ = agent::make_memory_file().value();
      const Fd result = agent::make_memory_file().value();
      start(agent::fetch_process({"/etc/motd", raw, 1 << 30, {}}, result.get(), ActionId(), 0));
      run();
      const auto report = agent::read_fetch_report(out_.get());
      ASSERT_TRUE(report.ok());
      EXPECT_EQ(report->error(), "");
      EXPECT_EQ(report->path(), "/etc/motd");
      const std::string stored = content(result);
      EXPECT_EQ(report->stored_bytes(), stored.size());
      EXPECT_EQ(report->stored_sha256(), as_bytes(crypto::sha256(stored)));
      EXPECT_EQ(raw, report->sha256() == report->stored_sha256());
      EXPECT_EQ(report->bytes() == pace_.big_bytes, behaviour == Behaviour::big);
    }
  }
}

TEST_F(ScriptedProcessesTest, ABuiltInCommandSaysThatThereIsNothingToShow) {
  use(Behaviour::instant);
  start(agent::built_in_process({{"processes"}, "/", {}}, 1 << 20, ActionId(), 0));
  run();
  EXPECT_EQ(end_->exit_code, 1);
  EXPECT_EQ(content(out_), "");
  EXPECT_TRUE(content(err_).starts_with("Unsupported: m1: ")) << content(err_);
}

}  // namespace
}  // namespace reachback::fleet
