// PutFile and GetFile, and how they stand beside RunScript.
#include <sys/stat.h>

#include "agent/command/fetch_file.h"
#include "agent/ports/memory_file.h"
#include "agent/supervisor/test_world.h"

namespace reachback::agent {
namespace {

namespace fs = std::filesystem;

class Files : public World {
 protected:
  void add_put(const std::string& name, const std::string& content, bool keep = false) {
    auto* c = add(pb::PUT_FILE, content);
    c->set_file_name(name);
    c->set_keep(keep);
  }
  void add_run(const std::string& content = "echo hi\n") {
    auto* c = add(pb::RUN_SCRIPT, content);
    c->set_file_name("a.sh");
    c->set_output_bytes_max(1 << 20);
  }
  void add_get(const std::string& path, bool raw = false) {
    auto* c = order_.add_commands();
    c->set_type(pb::GET_FILE);
    c->set_path(path);
    c->set_raw(raw);
    c->set_timeout_ms(1'800'000);
    c->set_output_bytes_max(std::uint64_t{3} << 30);
    contents_.push_back("");
  }
  void send() {
    pb::Order sent = order({});
    *sent.mutable_commands() = order_.commands();
    // As the session hands it over when the files came by their links.
    std::vector<Fd> files;
    for (int i = 0; i < order_.commands_size(); ++i) {
      files.push_back(order_.commands(i).type() == pb::GET_FILE
                          ? Fd()
                          : *sealed_memory_file(contents_[static_cast<std::size_t>(i)]));
    }
    supervisor_->deliver(execute(sent, {}), std::move(files));
    events_.run_posted();
  }
  // The files of a folder of the state folder, by name.
  std::map<std::string, std::string> files_of(const std::string& folder) const {
    std::map<std::string, std::string> out;
    std::error_code error;
    for (const auto& e : fs::directory_iterator(folder_.file(folder), error)) {
      out[e.path().filename().string()] = e.is_regular_file() ? *read_file(e.path()) : "/";
    }
    return out;
  }
  std::string work_folder() const { return "work/" + to_hex(action_); }
  // The reader's process does its work.
  void fetch(const std::string& stored, const std::string& resolved) {
    pb::FetchReport report;
    report.set_path(resolved);
    report.set_bytes(7);
    report.set_sha256(std::string(as_bytes(crypto::sha256("the file"))));
    report.set_stored_bytes(stored.size());
    report.set_stored_sha256(std::string(as_bytes(crypto::sha256(stored))));
    ASSERT_TRUE(write_all(processes_.specs.back().script_fd, stored).ok());
    processes_.end(0, report.SerializeAsString());
  }
  void fetch_fails(const std::string& why) {
    pb::FetchReport report;
    report.set_error(why);
    ASSERT_TRUE(write_all(processes_.specs.back().script_fd, "half").ok());
    processes_.end(0, report.SerializeAsString());
  }
  pb::Receipt receipt() const {
    return protocol::verify_receipt(last_ended_.receipt(), machine_key_.public_key()).value();
  }

 private:
  pb::Command* add(pb::CommandType type, const std::string& content) {
    auto* c = order_.add_commands();
    c->set_type(type);
    c->set_file_sha256(std::string(as_bytes(crypto::sha256(content))));
    c->set_file_bytes(content.size());
    c->set_timeout_ms(60000);
    contents_.push_back(content);
    return c;
  }
  pb::Order order_;
  std::vector<std::string> contents_;
};

TEST_F(Files, APlacedFileStandsInTheFolderOfTheScriptAndGoesWithTheAction) {
  connect();
  add_put("tool.bin", "tool");
  add_put("data.txt", std::string(2 * kSliceBytes + 1, 'd'));
  add_run();
  send();
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  events_.fire_timers();
  EXPECT_EQ(files_of(work_folder())["tool.bin"], "tool");
  struct stat status{};
  ASSERT_EQ(::stat(folder_.file(work_folder() + "/tool.bin").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_EQ(said(), Said{"completed 0"}) << "the next start is told after this one's end";
  acknowledge(0);
  events_.fire_timers();
  EXPECT_FALSE(files_of(work_folder()).contains("data.txt")) << "not before it is whole";
  events_.fire_timers();
  events_.fire_timers();
  EXPECT_EQ(said(), (Said{"started 1", "completed 1"}));
  EXPECT_FALSE(last_ended_.has_result());
  EXPECT_FALSE(last_ended_.has_exit_code());
  EXPECT_GT(last_ended_.started_us(), 0);
  EXPECT_EQ(last_ended_.file().path(), folder_.file(work_folder() + "/data.txt"));
  EXPECT_EQ(last_ended_.file().bytes(), 2 * kSliceBytes + 1);
  EXPECT_EQ(receipt().file_path(), last_ended_.file().path());
  EXPECT_EQ(receipt().script_name(), "data.txt");
  EXPECT_EQ(receipt().script_sha256(),
            as_bytes(crypto::sha256(std::string(2 * kSliceBytes + 1, 'd'))));
  acknowledge(1);
  ASSERT_EQ(processes_.starts.size(), 1u);
  EXPECT_EQ(processes_.specs[0].folder, folder_.file(work_folder()));
  EXPECT_EQ(files_of(work_folder()).size(), 2u);
  processes_.end(0);
  upload_all();
  said();
  acknowledge(2);
  EXPECT_TRUE(record().is_finished());
  EXPECT_TRUE(files_of("work").empty());
  EXPECT_EQ(spool_files(), 0u);
}

TEST_F(Files, AFileThatIsAnotherThanWasSignedIsNotPlaced) {
  connect();
  pb::Order signed_order = order({});
  auto* c = signed_order.add_commands();
  c->set_type(pb::PUT_FILE);
  c->set_file_name("tool.bin");
  c->set_file_sha256(std::string(32, 'h'));
  c->set_timeout_ms(1000);
  deliver(execute(signed_order, {"tool"}));
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 HashMismatch"}));
  EXPECT_EQ(last_ended_.started_us(), 0);
  EXPECT_TRUE(files_of(work_folder()).empty());
}

TEST_F(Files, PlacingHasALimitOfItsOwn) {
  connect();
  add_put("tool.bin", std::string(2 * kSliceBytes, 'x'));
  send();
  said();
  events_.fire_timers();
  clock_.pass(std::chrono::minutes(1));
  events_.fire_timers();
  EXPECT_EQ(said(), Said{"failed 0 TimedOut"});
  EXPECT_FALSE(files_of(work_folder()).contains("tool.bin"));
}

TEST_F(Files, AKeptFolderStaysUntilTheMachineRestarts) {
  connect();
  add_put("tool.bin", "tool", /*keep=*/true);
  send();
  events_.fire_timers();
  said();
  acknowledge(0);
  EXPECT_TRUE(record().is_finished());
  EXPECT_EQ(files_of(work_folder())["tool.bin"], "tool");
  start_agent();
  EXPECT_EQ(files_of(work_folder())["tool.bin"], "tool") << "the agent is not the machine";
  reboot();
  EXPECT_TRUE(files_of("work").empty());
}

TEST_F(Files, WhatCannotBePlacedFailsAndNothingFollows) {
  connect();
  add_put("tool.bin", "tool");
  add_run();
  send();
  said();
  fs::create_directory(folder_.file(work_folder() + "/tool.bin"));
  events_.fire_timers();
  EXPECT_EQ(said(), Said{"failed 0 CouldNotPlace"});
  acknowledge(0);
  EXPECT_TRUE(processes_.starts.empty());
  EXPECT_TRUE(record().is_finished());
}

TEST_F(Files, ACrashWhileAFileIsPlacedIsAnInterruption) {
  connect();
  add_put("tool.bin", std::string(2 * kSliceBytes, 'x'));
  add_run();
  send();
  events_.fire_timers();
  start_agent();
  events_.fire_timers();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 Interrupted"}));
  EXPECT_FALSE(files_of(work_folder()).contains("tool.bin"));
  acknowledge(0);
  EXPECT_TRUE(files_of("work").empty());
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(Files, ACancelWhileAFileIsPlacedEndsIt) {
  connect();
  add_put("tool.bin", std::string(2 * kSliceBytes, 'x'));
  add_run();
  send();
  said();
  send_cancel();
  events_.fire_timers();
  EXPECT_EQ(said(), (Said{"started 0", "cancelled 1", "failed 0 Cancelled"}));
  EXPECT_FALSE(files_of(work_folder()).contains("tool.bin"));
}

TEST_F(Files, AFetchedFileIsUploadedUnderItsNameWithItsHashes) {
  connect();
  add_get("/etc/日本.log");
  send();
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  ASSERT_EQ(processes_.specs.size(), 1u);
  const auto& words = processes_.specs[0].arguments;
  EXPECT_EQ(std::vector<std::string>(words.begin() + 1, words.end()),
            (std::vector<std::string>{"fetch-file", "gzip", "3221225472", "/etc/日本.log"}));
  fetch("a gzip stream", "/run/日本.log");
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].upload_request().file_name(), "日本.log.gz");
  EXPECT_EQ(upload_all()[pb::RESULT], "a gzip stream");
  said();
  EXPECT_EQ(last_ended_.outcome(), pb::COMPLETED);
  EXPECT_EQ(last_ended_.result().sha256(), as_bytes(crypto::sha256("a gzip stream")));
  EXPECT_EQ(last_ended_.file().path(), "/run/日本.log");
  EXPECT_EQ(last_ended_.file().bytes(), 7u);
  EXPECT_FALSE(last_ended_.has_exit_code());
  EXPECT_FALSE(last_ended_.has_raw_stdout());
  EXPECT_EQ(receipt().file_sha256(), as_bytes(crypto::sha256("the file")));
  EXPECT_EQ(receipt().file_path(), "/run/日本.log");
  EXPECT_EQ(receipt().result_sha256(), last_ended_.result().sha256());
  EXPECT_TRUE(receipt().script_sha256().empty());
  EXPECT_EQ(spool_files(), 1u) << "the report of the reader is gone";
  acknowledge(0);
  EXPECT_EQ(spool_files(), 0u);
}

TEST_F(Files, ARawFileIsCalledByItsNameAlone) {
  connect();
  add_get("/var/log/a\\b\nc.gz", /*raw=*/true);
  send();
  said();
  EXPECT_EQ(processes_.specs[0].arguments[2], "raw");
  fetch("bytes", "/x");
  EXPECT_EQ(sent_[0].upload_request().file_name(), "a_b_c.gz");
}

TEST_F(Files, AFetchedFileIsUploadedAfterARestartToo) {
  connect();
  add_get("/etc/x");
  send();
  fetch("stream", "/etc/x");
  start_agent();
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "upload 0 kind 1"}));
  connect();
  EXPECT_EQ(sent_.back().upload_request().file_name(), "x.gz");
  EXPECT_EQ(upload_all()[pb::RESULT], "stream");
}

TEST_F(Files, WhatTheReaderSaysIsWhatTheCommandSays) {
  connect();
  add_get("/dev/zero");
  add_get("/etc/x");
  send();
  said();
  fetch_fails("NotARegularFile: /dev/zero is a character device");
  EXPECT_EQ(said(), Said{"failed 0 NotARegularFile"});
  EXPECT_EQ(last_ended_.errors(0), "NotARegularFile: /dev/zero is a character device");
  EXPECT_FALSE(last_ended_.has_result());
  EXPECT_FALSE(last_ended_.has_file());
  EXPECT_EQ(spool_files(), 0u) << "the disk has its room back";
  EXPECT_EQ(processes_.starts.size(), 1u) << "the next one is not run";
}

TEST_F(Files, AReaderThatDiesIsAFailure) {
  connect();
  add_get("/etc/x");
  send();
  said();
  processes_.end(139);
  EXPECT_EQ(said(), Said{"failed 0 ReadFailed"});
  EXPECT_EQ(spool_files(), 0u);
}

TEST_F(Files, AFetchEndsByItsLimitOrByACancel) {
  connect();
  add_get("/etc/x");
  send();
  said();
  events_.fire_timers();
  EXPECT_TRUE(processes_.was_killed);
  processes_.end(0);
  EXPECT_EQ(said(), Said{"failed 0 TimedOut"});
  EXPECT_EQ(spool_files(), 0u);
  acknowledge(0);
  action_ = std::string(16, 'z');
  send();
  said();
  send_cancel();
  EXPECT_TRUE(processes_.was_killed);
  processes_.end(0);
  EXPECT_EQ(said().back(), "failed 0 Cancelled");
  EXPECT_EQ(spool_files(), 0u);
}

TEST_F(Files, ACrashWhileAFileIsReadIsAnInterruptionAndItIsNotReadAgain) {
  connect();
  add_get("/etc/x");
  send();
  start_agent();
  EXPECT_EQ(processes_.leftovers.size(), 1u) << "its reader is ended";
  connect();
  EXPECT_EQ(said(), (Said{"received 1", "failed 0 Interrupted"}));
  EXPECT_EQ(processes_.starts.size(), 1u);
  acknowledge(0);
  EXPECT_EQ(spool_files(), 0u);
}

TEST_F(Files, AForgottenFetchIsLeft) {
  connect();
  add_get("/etc/x");
  send();
  said();
  pb::ToAgent m;
  m.mutable_forget_action()->set_action(action_);
  m.mutable_forget_action()->set_epoch(1);
  m.mutable_forget_action()->set_reason("gone");
  deliver(m);
  EXPECT_TRUE(processes_.was_killed);
  processes_.end(0);
  EXPECT_EQ(said(), Said{});
  action_ = std::string(16, 'z');
  send();
  EXPECT_EQ(processes_.starts.size(), 2u) << "the next order runs";
}

TEST_F(Files, ThePoliciesFoldersGoToTheReader) {
  policy_.read_roots = {"/etc", "/var/log"};
  start_agent();
  connect();
  add_get("/etc/x");
  send();
  const auto& words = processes_.specs.back().arguments;
  EXPECT_EQ(std::vector<std::string>(words.end() - 2, words.end()), policy_.read_roots);
}

}  // namespace
}  // namespace reachback::agent
