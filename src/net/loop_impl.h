// A loop as the .cc files of this folder see it. Shows Asio, so no other header includes it but
// those that only .cc files include (stream.h, http_connection.h, ...).
#pragma once

#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "net/deadline.h"
#include "net/loop.h"

namespace reachback::net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
// Concrete executors: the type-erased default costs a fifth of the requests per second.
using IoExecutor = asio::io_context::executor_type;
using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, IoExecutor>;
using SteadyClock = std::chrono::steady_clock;
using SteadyTimer =
    asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, IoExecutor>;

// What one read of a socket takes at most, and one piece of a file.
inline constexpr std::size_t kScratchBytes = 64 << 10;

struct Loop::Impl {
  Impl();
  // Sets the timer for the earliest deadline, unless it stands already.
  void arm_deadline_timer();
  // "Mon, 23 Nov 2026 22:30:00 GMT", formatted once a second.
  std::string_view http_date();

  // Before io: the handlers that die with io own deadlines.
  DeadlineQueue deadlines;
  // Shared by all connections of the loop. Nothing that may call foreign code holds on to them,
  // except that `scratch` stays untouched during a body callback: only readiness callbacks read.
  std::vector<char> scratch;
  std::string out;

  asio::io_context io{1};
  asio::executor_work_guard<IoExecutor> work{io.get_executor()};
  SteadyTimer deadline_timer{io.get_executor()};
  SteadyClock::time_point deadline_timer_at = SteadyClock::time_point::max();
  std::atomic<std::thread::id> thread{};

 private:
  std::time_t date_second_ = 0;
  std::string date_;
};

// Runs `work` on the loop's thread and returns when it is done; on the calling thread if the loop
// is not running (it never ran or has been stopped).
void run_and_wait(Loop& loop, std::function<void()> work);

}  // namespace reachback::net
