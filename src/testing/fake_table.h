// What the tables of FakeDirectory are made of.
#pragma once

#include <map>

#include "base/mutex.h"
#include "testing/fake_stores.h"

namespace reachback::testing {

// Enrolment tokens: made in one table, spent in another.
struct FakeDirectory::Tokens {
  Mutex mutex;
  std::map<Sha256, server::EnrollmentToken> all RB_GUARDED_BY(mutex);
};

// What the three have in common: one mutex, one set of faults. Their own members are touched in the
// work they give to read() and write(), which hold the mutex; the analysis does not see so far.
class Table {
 public:
  Faults faults;

 protected:
  template <typename T, typename Work>
  void read(Done<T> done, Work work) {
    faults.answer_read<T>(std::move(done), result_of<T>(work));
  }
  // What is there, whatever faults are set.
  template <typename T, typename Work>
  T look(Work work) {
    MutexLock lock(mutex_);
    return work();
  }
  template <typename T, typename Work>
  void write(Done<T> done, Work work) {
    if (auto refused = faults.refusal()) {
      faults.answer_read<T>(std::move(done), *refused);
      return;
    }
    MutexLock lock(mutex_);
    Result<T> result = work();
    lock.unlock();
    faults.answer_write<T>(std::move(done), std::move(result));
  }

 private:
  template <typename T, typename Work>
  Result<T> result_of(Work& work) {
    if (auto refused = faults.refusal()) {
      return *refused;
    }
    MutexLock lock(mutex_);
    return work();
  }
  Mutex mutex_;
};

}  // namespace reachback::testing
