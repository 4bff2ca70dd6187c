#include "server/service/background.h"

#include <utility>

namespace reachback::server {

BackgroundThread::BackgroundThread(std::size_t waiting_max) : waiting_max_(waiting_max) {
  thread_ = std::thread([this] { run(); });
}

BackgroundThread::~BackgroundThread() {
  close();
}

bool BackgroundThread::post(std::function<void()> work) {
  MutexLock lock(mutex_);
  if (closing_ || waiting_.size() >= waiting_max_) {
    return false;
  }
  waiting_.push_back(std::move(work));
  wake_.notify_one();
  return true;
}

void BackgroundThread::close() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void BackgroundThread::run() {
  while (true) {
    std::function<void()> work;
    {
      MutexLock lock(mutex_);
      while (!closing_ && waiting_.empty()) {
        wake_.wait(lock);
      }
      if (waiting_.empty()) {
        return;
      }
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace reachback::server
