#include "agent/os_linux/processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "agent/os_linux/spawn.h"
#include "agent/os_linux/terminal.h"
#include "agent/os_linux/tree.h"

namespace reachback::agent {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;
constexpr int kPiecesATurn = 8;  // so that heartbeats and limits are not kept waiting by a flood
constexpr int kPipeBytes = 256 << 10;
constexpr Duration kReapEvery = std::chrono::seconds(1);

// A file that a stream is stored in, up to a bound.
class StreamFile {
 public:
  StreamFile() = default;
  StreamFile(int file, std::uint64_t bytes_max) : file_(file), bytes_max_(bytes_max) {}
  const StreamCount& count() const { return count_; }

  void store(std::string_view bytes) {
    count_.seen += bytes.size();
    if (count_.storage_full) {
      return;
    }
    bytes = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), bytes_max_ - count_.stored));
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n <= 0) {
        count_.storage_full = true;
        return;
      }
      count_.stored += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

 private:
  int file_ = -1;
  std::uint64_t bytes_max_ = 0;
  StreamCount count_;
};

// The lines of scriptreplay(1) for a terminal's output.
class Timing {
 public:
  Timing(int file, std::uint64_t bytes_max) : file_(file, bytes_max) {}
  void note(std::size_t bytes) {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - std::exchange(last_, now);
    file_.store(fmt::format("{:.6f} {}\n", passed.count(), bytes));
  }
  const StreamCount& count() const { return file_.count(); }

 private:
  StreamFile file_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// Carries one stream from where it comes to its file.
class Pump {
 public:
  // The write end of a pipe, of which this reads the other.
  Result<Fd> open(int file, std::uint64_t bytes_max) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      return errno_error("make a pipe");
    }
    from_ = Fd(ends[0]);
    Fd write_end(ends[1]);
    ::fcntl(from_.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(from_.get(), F_SETPIPE_SZ, kPipeBytes);  // A larger pipe is a favour, not a need.
    file_ = StreamFile(file, bytes_max);
    return write_end;
  }
  void read_terminal(Fd keyboard, int file, std::uint64_t bytes_max, Timing timing) {
    from_ = std::move(keyboard);
    file_ = StreamFile(file, bytes_max);
    timing_ = timing;
  }
  int fd() const { return from_.get(); }
  bool is_open() const { return from_.valid(); }
  const StreamCount& count() const { return file_.count(); }
  const std::optional<Timing>& timing() const { return timing_; }
  void watch(std::unique_ptr<Events::Handle> handle) { handle_ = std::move(handle); }
  void close() {
    handle_.reset();
    from_.reset();
  }

  // Reads at most `pieces`; false: nothing more now (or ever, then it is closed).
  bool turn(std::string& buffer, int pieces) {
    for (int i = 0; i < pieces && is_open(); ++i) {
      const ssize_t n = ::read(from_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0 && errno == EAGAIN) {
        return false;
      }
      if (n <= 0) {  // A terminal that nobody has open any more says EIO.
        close();
        return false;
      }
      const auto bytes = static_cast<std::size_t>(n);
      file_.store(std::string_view(buffer).substr(0, bytes));
      if (timing_) {
        timing_->note(bytes);
      }
    }
    return is_open();
  }

 private:
  Fd from_;
  StreamFile file_;
  std::optional<Timing> timing_;
  std::unique_ptr<Events::Handle> handle_;
};

class LinuxProcesses : public Processes {
 public:
  LinuxProcesses(Events& events, ProcessesOptions options)
      : events_(events),
        limits_(options.limits),
        bystander_(options.bystander ? std::move(options.bystander)
                                     : std::make_shared<Bystander>()),
        tree_(TreeOptions{std::move(options.cgroup_leaf), std::move(options.cgroup), options.limits,
                          bystander_}) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  ~LinuxProcesses() override {
    LinuxProcesses::kill();
    reap();
  }

  Result<void> start(const ProcessSpec& spec, std::function<void(ProcessEnd)> ended) override {
    auto run = std::make_unique<Run>();
    RB_TRY(spec.terminal ? spawn_in_terminal(*run, spec) : spawn_with_pipes(*run, spec));
    run->ended = std::move(ended);
    run->grown = spec.grown;
    run->buffer.resize(kPieceBytes);
    run_ = std::move(run);
    watch(run_->out);
    if (run_->err.is_open()) {
      watch(run_->err);
    }
    run_->exit_watch = events_.watch_readable(run_->process.pidfd.get(), [this] { on_exit(); });
    reap_later();
    return {};
  }

  std::size_t type(std::string_view bytes) override {
    if (!run_ || !run_->out.timing() || !run_->out.is_open()) {
      return 0;
    }
    const ssize_t n = ::write(run_->out.fd(), bytes.data(), bytes.size());
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }
  void resize(TerminalWindow window) override {
    if (run_ && run_->out.timing() && run_->out.is_open()) {
      resize_terminal(run_->out.fd(), window);
    }
  }

  void kill() override {
    if (run_) {
      run_->killed = !run_->status.has_value();
      tree_.kill_all([this] { reap(); });
    }
  }

  std::size_t kill_leftovers(const std::string& action) override {
    if (tree_.cgroup_fd() >= 0 && tree_.any_left()) {
      tree_.kill_all([this] { reap(); });
    }
    std::size_t count = 0;
    // A process that starts others while it is looked for is found in the next round.
    for (int round = 0; round < 20; ++round) {
      auto left = processes_with_environment("REACHBACK_ACTION=" + action);
      for (pid_t pid : left) {
        ::kill(pid, SIGKILL);
      }
      if (left.empty()) {
        break;
      }
      count += left.size();
    }
    return count;
  }

 private:
  struct Run {
    Spawned process;
    Pump out, err;
    std::string buffer;
    std::function<void(ProcessEnd)> ended;
    std::function<void()> grown;
    std::unique_ptr<Events::Handle> exit_watch, drain, reaper;
    std::optional<int> status;  // of the main process, once it has ended
    bool killed = false;
  };

  Result<void> spawn_with_pipes(Run& run, const ProcessSpec& spec) {
    RB_TRY_ASSIGN(Fd out, run.out.open(spec.stdout_file, spec.output_bytes_max));
    RB_TRY_ASSIGN(Fd err, run.err.open(spec.stderr_file, spec.output_bytes_max));
    RB_TRY_ASSIGN(run.process, spawn(spec, limits_, out.get(), err.get(), tree_.cgroup_fd()));
    return {};
  }
  Result<void> spawn_in_terminal(Run& run, const ProcessSpec& spec) {
    RB_TRY_ASSIGN(Terminal terminal, open_terminal(*spec.terminal));
    const int screen = terminal.screen.get();
    RB_TRY_ASSIGN(run.process, spawn(spec, limits_, screen, screen, tree_.cgroup_fd()));
    run.out.read_terminal(std::move(terminal.keyboard), spec.stdout_file, spec.output_bytes_max,
                          Timing(spec.stderr_file, spec.output_bytes_max));
    return {};
  }

  void watch(Pump& pump) {
    pump.watch(events_.watch_readable(pump.fd(), [this, &pump] {
      pump.turn(run_->buffer, kPiecesATurn);
      if (run_->grown) {
        run_->grown();
      }
      finish_if_drained();
    }));
  }

  // Orphans of the tree are ours to bury.
  void reap() {
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (run_ && pid == run_->process.pid) {
        run_->status = status;
      } else if (pid == bystander_->pid) {
        *bystander_ = Bystander{0, status};
      }
    }
  }
  void reap_later() {
    run_->reaper = events_.after(kReapEvery, [this] {
      // The main process is buried by on_exit(), so that its status is seen there.
      if (run_->status) {
        return;
      }
      reap();
      reap_later();
    });
  }

  void on_exit() {
    reap();
    if (!run_->status) {
      return;
    }
    run_->exit_watch.reset();
    run_->reaper.reset();
    run_->out.turn(run_->buffer, kPiecesATurn);
    run_->err.turn(run_->buffer, kPiecesATurn);
    if (run_->killed) {
      finish();
      return;
    }
    if (finish_if_drained()) {
      return;
    }
    run_->drain = events_.after(kDrain, [this] { finish(); });
  }

  bool finish_if_drained() {
    if (!run_->status || run_->exit_watch || run_->out.is_open() || run_->err.is_open()) {
      return false;
    }
    finish();
    return true;
  }

  void finish() {
    reap();
    if (tree_.any_left()) {
      tree_.kill_all([this] { reap(); });
    }
    // What is still in the pipes: no more than they hold.
    for (Pump* pump : {&run_->out, &run_->err}) {
      pump->turn(run_->buffer, kPipeBytes / 4096);
      pump->close();
    }
    ProcessEnd end;
    const int status = *run_->status;
    end.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    end.killed = run_->killed;
    end.out = run_->out.count();
    end.err = run_->out.timing() ? run_->out.timing()->count() : run_->err.count();
    const auto run = std::move(run_);  // `ended` may start the next.
    run->ended(end);
  }

  Events& events_;
  ProcessLimits limits_;
  std::shared_ptr<Bystander> bystander_;
  ProcessTree tree_;
  std::unique_ptr<Run> run_;
};

}  // namespace

std::unique_ptr<Processes> make_linux_processes(Events& events, ProcessesOptions options) {
  return std::make_unique<LinuxProcesses>(events, std::move(options));
}

}  // namespace reachback::agent
