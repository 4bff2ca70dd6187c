// What each subcommand does.
#pragma once

#include <string>

#include "agent/wire/running_file.h"
#include "base/result.h"

namespace reachback::agent {

struct EnrollOptions {
  std::string server;
  std::string ca_file;
  std::string token;
  std::string state_folder;
  std::string host_name;  // empty: the machine's
};
// Makes the state folder and enrols; the machine's id. Errors: what a person needs to know, in one
// line.
Result<std::string> enroll(const EnrollOptions& options);

// Runs until SIGTERM, SIGINT or until the server dismisses the machine. Prints "connected <id>".
Result<void> run(const std::string& state_folder);

struct Status {
  std::string machine;
  std::string tenant;
  std::string server;
  std::string host_name;
  bool is_running = false;
  std::string journal;  // "ok", "damaged" or "none"
  std::string generation;
  std::size_t unfinished = 0;  // actions with something left to do or to report
  RunningFacts facts;          // of the running agent; empty: none runs
};
Result<Status> read_status(const std::string& state_folder);

// A library-signing key, kept in key_file; its public part as a policy file names it.
// Errors: already_exists, io.
Result<std::string> make_signing_key(const std::string& key_file);
// Puts the signature at the script's end. out: the file to write; empty: the script's own.
Result<void> sign_script_file(const std::string& key_file, const std::string& script,
                              const std::string& out);

}  // namespace reachback::agent
