// Frames, and the files that go with them, over one end of a stream socket pair between the agent's
// two processes. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/ports/events.h"
#include "base/file.h"
#include "base/result.h"

namespace reachback::agent {

struct Frame {
  std::string payload;
  std::vector<Fd> files;
};

class Channel {
 public:
  // What the other side may leave unread: beyond it, it counts as dead.
  static constexpr std::size_t kBacklogBytesMax = 8 << 20;
  static constexpr std::size_t kBacklogFramesMax = 4096;

  // events: by which a backlog leaves; null: send() waits instead. Both must outlive this.
  Channel(Fd socket, Events* events);

  // Sends, or with `events` queues what the other side does not take now.
  // Errors: unavailable (the other side is gone, or its backlog is over the bound), io.
  Result<void> send(std::string_view payload, std::vector<Fd> files = {});
  // The next whole frame; nullopt: none yet. Never waits.
  // Errors: unavailable (the other side has ended), protocol (a frame or its files over the
  // bounds).
  Result<std::optional<Frame>> read();
  // Waits for it.
  Result<Frame> wait();

  int fd() const { return socket_.get(); }
  // Whole frames may be left in memory, of which the socket says nothing.
  bool has_bytes() const { return !in_.empty(); }

 private:
  struct Out {
    std::string bytes;
    std::size_t sent = 0;
    std::vector<Fd> files;
  };
  Result<void> flush();
  Result<void> fill();
  Result<std::optional<Frame>> take();
  void drop_taken();

  Fd socket_;
  Events* events_;
  std::string in_;
  std::size_t taken_ = 0;  // of in_: frames that were read
  std::deque<Fd> files_;   // that came, and belong to frames not taken yet
  std::deque<Out> out_;
  std::size_t out_bytes_ = 0;
  // An epoll descriptor is readable when what it watches is ready: so the Events port, which knows
  // readable only, also says when the socket takes bytes again.
  Fd writable_;
  std::unique_ptr<Events::Handle> watch_;
};

}  // namespace reachback::agent
