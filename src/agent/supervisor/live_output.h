// What watchers see of a command while it runs: pieces of its streams' files, read when they are
// asked for. Nothing of the output is kept in memory, and the command never waits for a reader.
// Loop thread only.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "agent/ports/events.h"
#include "agent/supervisor/spool.h"
#include "base/ids.h"
#include "protocol/agent_messages.h"

namespace reachback::agent {

class LiveOutput {
 public:
  // A question waits at most so long for bytes.
  static constexpr Duration kPatience = std::chrono::seconds(10);
  // After a piece that was not full the next one waits, so that a command that writes byte by byte
  // costs few messages.
  static constexpr Duration kRest = std::chrono::milliseconds(50);
  // The same for a terminal: somebody waits for each character.
  static constexpr Duration kTerminalRest = std::chrono::milliseconds(4);
  // So long after its end the streams of a command that somebody watched can still be read.
  static constexpr Duration kAfterEnd = std::chrono::seconds(5);
  // Questions that wait; one more, and the oldest is answered with nothing.
  static constexpr std::size_t kQuestionsMax = 64;
  // Commands whose streams can be read: the one that runs and those that just ended.
  static constexpr std::size_t kSourcesMax = 4;

  LiveOutput(Events& events, std::function<void(pb::ToServer)> send)
      : events_(events), send_(std::move(send)) {}

  // A command runs and writes to these files; they stay the caller's.
  void begin(const ActionId& action, std::uint64_t epoch, std::uint32_t index,
             const StreamFiles& files, Duration rest = kRest);
  // The newest command may have written more.
  void grown();
  // The newest command writes no more. No command: no effect.
  void ended();

  // Answered once, now or later.
  void asked(const pb::ReadOutput& question);
  // Nobody hears the answers to what was asked so far.
  void disconnected() { questions_.clear(); }

 private:
  struct Source {
    ActionId action;
    std::uint64_t epoch = 0;
    std::uint32_t index = 0;
    StreamFiles files;
    Duration rest{};
    bool watched = false;  // somebody has asked for it
    bool over = false;
    std::unique_ptr<Events::Handle> forget;
  };
  struct Question {
    pb::ReadOutput ask;
    bool out_of_patience = false;
    std::unique_ptr<Events::Handle> patience;
  };

  Source* find(const pb::ReadOutput& ask);
  // False: it has to wait.
  bool answer(const Question& question);
  void answer_all();

  Events& events_;
  std::function<void(pb::ToServer)> send_;
  std::list<Source> sources_;  // the newest last
  std::list<Question> questions_;
  std::unique_ptr<Events::Handle> rest_;
};

}  // namespace reachback::agent
