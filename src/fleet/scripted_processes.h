// Processes of a machine that is not there: a script's run is a timer, its output a few lines that
// say whose it is, or as many bytes as the behaviour wants. What the script's bytes say is not
// looked at. Loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/ports/events.h"
#include "agent/ports/process.h"
#include "base/random.h"
#include "fleet/behaviour.h"

namespace reachback::fleet {

class ScriptedProcesses : public agent::Processes {
 public:
  // events, random and pace outlive it. name: of the machine, for the output.
  ScriptedProcesses(agent::Events& events, Random& random, Behaviour behaviour, const Pace& pace,
                    std::string name);
  ~ScriptedProcesses() override;

  // Scripts end with 0. A GetFile finds a file of a line (of behaviour `big`: big_bytes) at every
  // path. A command that the agent does itself ends with 1: this machine has nothing to show.
  Result<void> start(const agent::ProcessSpec& spec,
                     std::function<void(agent::ProcessEnd)> ended) override;
  std::size_t type(std::string_view) override { return 0; }  // no terminal is opened here
  void resize(agent::TerminalWindow) override {}
  void kill() override;
  std::size_t kill_leftovers(const std::string&) override { return 0; }

 private:
  struct Run;
  void start_script();
  void write_line();
  void write_some();
  void end_later(Duration delay);
  void end();
  Duration between(Duration least, Duration most);

  agent::Events& events_;
  Random& random_;
  const Behaviour behaviour_;
  const Pace& pace_;
  const std::string name_;
  std::unique_ptr<Run> run_;
};

}  // namespace reachback::fleet
