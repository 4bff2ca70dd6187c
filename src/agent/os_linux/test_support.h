// For tests: a loop over poll(), and a folder that goes with the test.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/ports/events.h"
#include "base/file.h"

namespace reachback::agent {

class PollEvents : public Events {
 public:
  using SteadyClock = std::chrono::steady_clock;

  std::unique_ptr<Handle> after(Duration delay, std::function<void()> work) override {
    return add({-1, SteadyClock::now() + delay, std::move(work)});
  }
  std::unique_ptr<Handle> watch_readable(int fd, std::function<void()> ready) override {
    return add({fd, {}, std::move(ready)});
  }
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }

  // Until `done` says so; false: not within `limit`.
  template <typename Done>
  bool run_until(Done done, Duration limit = std::chrono::seconds(30)) {
    const auto end = SteadyClock::now() + limit;
    while (!done()) {
      if (SteadyClock::now() >= end) {
        return false;
      }
      turn(end);
    }
    return true;
  }

 private:
  struct Item {
    int fd;
    SteadyClock::time_point at;
    std::function<void()> work;
  };
  using Items = std::set<std::shared_ptr<Item>>;
  class ItemHandle : public Handle {
   public:
    ItemHandle(std::shared_ptr<Items> items, std::shared_ptr<Item> item)
        : items_(std::move(items)), item_(std::move(item)) {}
    ~ItemHandle() override { items_->erase(item_); }

   private:
    std::shared_ptr<Items> items_;
    std::shared_ptr<Item> item_;
  };

  std::unique_ptr<Handle> add(Item item) {
    auto shared = std::make_shared<Item>(std::move(item));
    items_->insert(shared);
    return std::make_unique<ItemHandle>(items_, shared);
  }

  void turn(SteadyClock::time_point end) {
    for (auto work = std::exchange(posted_, {}); auto& one : work) {
      one();
    }
    std::vector<std::shared_ptr<Item>> watched;
    std::vector<pollfd> fds;
    for (const auto& item : *items_) {
      if (item->fd >= 0) {
        watched.push_back(item);
        fds.push_back({item->fd, POLLIN, 0});
      } else {
        end = std::min(end, item->at);
      }
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(end - SteadyClock::now());
    ::poll(fds.data(), fds.size(),
           posted_.empty() ? std::max<int>(0, static_cast<int>(wait.count())) : 0);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents != 0 && items_->contains(watched[i])) {
        auto work = watched[i]->work;
        work();
      }
    }
    const auto now = SteadyClock::now();
    for (const auto& item : std::vector(items_->begin(), items_->end())) {
      if (item->fd < 0 && item->at <= now && items_->erase(item) == 1) {
        item->work();
      }
    }
  }

  std::shared_ptr<Items> items_ = std::make_shared<Items>();
  std::deque<std::function<void()>> posted_;
};

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/tmp") +
                       std::string("/reachback-XXXXXX");
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() { static_cast<void>(remove_tree(path_)); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace reachback::agent
