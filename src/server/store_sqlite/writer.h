// The one connection that writes and checkpoints, on the one thread that may use it. Writes that
// wait are executed in one transaction (group commit), each in a savepoint of its own; their
// `done`s are called after COMMIT, never before.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/store_sqlite/sqlite.h"

namespace reachback::server {

struct WriterOptions {
  std::size_t group_max = 256;     // writes in one transaction
  std::size_t queue_max = 16'384;  // writes that may wait; more are refused (unavailable)
  int checkpoint_frames = 2'000;   // log frames after which what is in the log goes to the database
  int restart_frames = 16'000;     // log frames after which readers are waited for, so that the log
                                   // starts over
  std::uint64_t reserve_bytes = 0;            // free space that is kept for work already accepted
  std::function<std::uint64_t()> free_bytes;  // empty: no reserve is kept
};

enum class Space {
  takes,  // new work: refused when only the reserve is left
  keeps,  // ends or follows accepted work: may use the reserve
};

class Writer {
 public:
  Writer(std::unique_ptr<Db> db, WriterOptions options);
  ~Writer();  // close()
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // `work` runs in its savepoint: an error undoes it and goes to `done`. `committed` runs after
  // COMMIT and before any `done` of the group. Any thread; `done` on the writer's thread, or inline
  // when the write is refused (closed, broken, queue full).
  template <typename T>
  void submit(Space space, std::function<Result<T>(Db&)> work, Done<T> done,
              std::function<void(const T&)> committed = {}) {
    enqueue(std::make_unique<WriteOf<T>>(space, std::move(work), std::move(done),
                                         std::move(committed)));
  }
  void submit_void(Space space, std::function<Result<void>(Db&)> work, Done<void> done) {
    submit<Nothing>(
        space,
        [work = std::move(work)](Db& db) -> Result<Nothing> {
          RB_TRY(work(db));
          return Nothing{};
        },
        [done = std::move(done)](const Result<Nothing>& r) {
          done(r ? Result<void>() : Result<void>(r.error()));
        });
  }

  // Takes no more writes, executes what waits, ends the thread. Not from a `done`.
  void drain();
  // drain(), then closes the connection. Errors: unavailable (the store is broken).
  Result<void> close();

 private:
  struct Nothing {};

  class Write {
   public:
    explicit Write(Space space) : space_(space) {}
    virtual ~Write() = default;
    bool takes_space() const { return space_ == Space::takes; }
    virtual Result<void> run(Db& db) = 0;  // an error: undo
    virtual void fail(const Error& error) = 0;
    virtual void committed() = 0;
    virtual void finish() = 0;  // calls done

   private:
    Space space_;
  };

  template <typename T>
  class WriteOf : public Write {
   public:
    WriteOf(Space space, std::function<Result<T>(Db&)> work, Done<T> done,
            std::function<void(const T&)> committed)
        : Write(space),
          work_(std::move(work)),
          done_(std::move(done)),
          committed_(std::move(committed)) {}
    Result<void> run(Db& db) override {
      result_ = work_(db);
      return result_ ? Result<void>() : Result<void>(result_.error());
    }
    void fail(const Error& error) override { result_ = error; }
    void committed() override {
      if (committed_ && result_.ok()) {
        committed_(*result_);
      }
    }
    void finish() override { done_(std::move(result_)); }

   private:
    std::function<Result<T>(Db&)> work_;
    Done<T> done_;
    std::function<void(const T&)> committed_;
    Result<T> result_ = Error{Errc::internal, "never run"};
  };

  using Group = std::vector<std::unique_ptr<Write>>;

  void enqueue(std::unique_ptr<Write> write);
  void run();
  void execute(Group& group);
  Result<void> run_group(Group& group);
  Result<void> run_one(Write& write, bool only_reserve_left);
  Result<void> commit();
  void checkpoint_if_due();
  void note_io_failure(const Error& error);
  bool only_reserve_left() const;

  const WriterOptions options_;
  std::unique_ptr<Db> db_;
  int log_frames_ = 0;  // of the last commit
  int checkpointed_frames_ = 0;
  std::atomic<bool> broken_{false};

  Mutex mutex_;
  Condition wake_;
  Group queue_ RB_GUARDED_BY(mutex_);
  bool closing_ RB_GUARDED_BY(mutex_) = false;
  std::once_flag drained_, closed_;
  std::thread thread_;
};

}  // namespace reachback::server
