// What every ActionStore must do. Include in one test file of a program; see conformance_stores.h.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "testing/conformance_stores.h"
#include "testing/sample_action.h"

namespace reachback::testing {

class ActionStoreConformance : public StoresConformance {
 protected:
  using Action = action::Action;
  using Inserted = server::Inserted;

  server::ActionStore& store() { return stores_->actions(); }
  Action fresh(Timestamp created = sample_time(0)) {
    return sample_action(random_, tenant_, sample_machine_id(random_), created);
  }
  Result<Inserted> insert(const Action& a, std::optional<server::IdempotencyKey> key = {},
                          server::InsertLimits limits = {}) {
    return wait_for<Inserted>(
        [&](auto done) { store().insert(a, key, limits, sample_audit("accepted"), done); });
  }
  Result<Action> get(const Action& a) { return get(a.tenant, a.id); }
  Result<Action> get(TenantId tenant, ActionId id) {
    return wait_for<Action>([&](auto done) { store().get(tenant, id, done); });
  }
  Result<Action> replace(const Action& next) {
    return wait_for<Action>([&](auto done) { store().replace(next, sample_audit("step"), done); });
  }
  Result<server::ActionPage> list_page(std::uint64_t skip, std::uint64_t top,
                                       std::uint64_t bytes_max) {
    return wait_for<server::ActionPage>([&](auto done) {
      store().list({tenant_, {}}, server::odata::everything(server::action_entity(), skip, top),
                   server::ListBounds{bytes_max}, done);
    });
  }
  Result<std::vector<Action>> list(std::uint64_t skip, std::uint64_t top) {
    auto page = list_page(skip, top, UINT64_MAX);
    if (!page.ok()) {
      return page.error();
    }
    EXPECT_EQ(page->passed, page->items.size());
    return std::move(page->items);
  }
  Result<std::vector<Action>> due(Timestamp now, std::size_t limit = 100) {
    return wait_for<std::vector<Action>>([&](auto done) { store().due(now, limit, done); });
  }
  Action inserted(const Action& a) {
    auto r = insert(a);
    EXPECT_OK(r);
    return r ? r->action : a;
  }
  Action replaced(const Action& a) {
    auto r = replace(a);
    EXPECT_OK(r);
    return r ? *r : a;
  }
  Action finished(Action a) {
    while (!is_final(a.status)) {
      a = replaced(sample_step(random_, a));
    }
    return a;
  }
};

TEST_P(ActionStoreConformance, what_is_inserted_is_read_back_with_version_1) {
  Action a = fresh();
  auto r = insert(a);
  ASSERT_OK(r);
  EXPECT_FALSE(r->replayed);
  a.version = 1;
  EXPECT_EQ(r->action, a);
  auto read = get(a);
  ASSERT_OK(read);
  EXPECT_EQ(*read, a);
}

TEST_P(ActionStoreConformance, every_field_survives_until_the_end_and_after_late_evidence) {
  Action a = inserted(fresh());
  while (!is_final(a.status)) {
    a = replaced(sample_step(random_, a));
    auto read = get(a);
    ASSERT_OK(read);
    EXPECT_EQ(*read, a);
  }
  EXPECT_EQ(a.status, action::Status::succeeded);
  EXPECT_EQ(a.version, 4u);

  Action late = inserted(fresh());
  late = replaced(sample_step(random_, late));
  auto over = late.updated + std::chrono::hours(9);
  late = replaced(step(late, action::DeadlinePassed{}, over).next);
  ASSERT_EQ(late.status, action::Status::timed_out);
  EXPECT_EQ(*get(late), late);  // may be remembered from here on
  auto with_result = step(late, sample_end(random_, late, 0, over), over);
  ASSERT_EQ(with_result.verdict, action::Verdict::late);
  late = replaced(with_result.next);
  auto read = get(late);
  ASSERT_OK(read);
  EXPECT_TRUE(read->commands[0].result.has_value());
  EXPECT_EQ(*read, late);
}

TEST_P(ActionStoreConformance, hostile_text_is_kept_as_it_is) {
  Action a = fresh();
  a.comment = std::string("a\0b'\"\\\r\n%s{}\xff\xc0\x80", 15) + std::string(1 << 20, 'x');
  a.title = "";
  a.external_id = "'); DROP TABLE actions;--";
  a.machine_name = std::string("\0", 1);
  a.commands[0].params.push_back({"", ""});
  a = inserted(a);
  auto read = get(a);
  ASSERT_OK(read);
  EXPECT_EQ(*read, a);
}

TEST_P(ActionStoreConformance, an_unknown_action_and_another_tenants_are_not_found) {
  Action a = inserted(fresh());
  EXPECT_CODE(get(other_tenant_, a.id), not_found);
  EXPECT_CODE(get(tenant_, ActionId::make(random_)), not_found);
  Action stolen = sample_step(random_, a);
  stolen.tenant = other_tenant_;
  EXPECT_CODE(replace(stolen), not_found);
  EXPECT_EQ(*get(a), a);
}

TEST_P(ActionStoreConformance, V12_a_machine_has_one_unfinished_action) {
  Action a = inserted(fresh());
  Action second = sample_action(random_, tenant_, a.machine);
  EXPECT_CODE(insert(second), already_active);
  a = replaced(sample_step(random_, a));
  EXPECT_CODE(insert(second), already_active);
  finished(a);
  EXPECT_OK(insert(second));
  auto active = wait_for<std::optional<Action>>(
      [&](auto done) { store().active_of(tenant_, a.machine, done); });
  ASSERT_OK(active);
  ASSERT_TRUE(active->has_value());
  EXPECT_EQ((*active)->id, second.id);
}

TEST_P(ActionStoreConformance, tenants_do_not_see_each_others_machines) {
  Action a = inserted(fresh());
  Action elsewhere = sample_action(random_, other_tenant_, a.machine);
  EXPECT_OK(insert(elsewhere));
  auto active = wait_for<std::optional<Action>>(
      [&](auto done) { store().active_of(tenant_, a.machine, done); });
  ASSERT_OK(active);
  EXPECT_EQ((*active)->id, a.id);
  EXPECT_EQ(list(0, 10)->size(), 1u);
}

TEST_P(ActionStoreConformance, a_machine_without_an_unfinished_action_has_none) {
  Action a = inserted(fresh());
  finished(a);
  auto active = wait_for<std::optional<Action>>(
      [&](auto done) { store().active_of(tenant_, a.machine, done); });
  ASSERT_OK(active);
  EXPECT_FALSE(active->has_value());
}

TEST_P(ActionStoreConformance, an_id_is_taken_once_in_a_tenant) {
  Action a = inserted(fresh());
  Action again = fresh();
  again.id = a.id;
  EXPECT_CODE(insert(again), already_exists);
}

TEST_P(ActionStoreConformance, active_max_counts_the_tenants_unfinished_actions) {
  Action first = inserted(fresh());
  inserted(fresh());
  EXPECT_OK(insert(sample_action(random_, other_tenant_, sample_machine_id(random_)), {}, {1}));
  EXPECT_CODE(insert(fresh(), {}, {2}), too_many_requests);
  EXPECT_CODE(insert(fresh(), {}, {1}), too_many_requests);
  finished(first);
  EXPECT_OK(insert(fresh(), {}, {2}));
  EXPECT_OK(insert(fresh(), {}, {0}));
}

TEST_P(ActionStoreConformance, V11_one_idempotency_key_is_one_action_and_one_body) {
  server::IdempotencyKey key{"app", "k1", sample_digest(random_)};
  Action a = fresh();
  auto first = insert(a, key);
  ASSERT_OK(first);
  Action moved = replaced(sample_step(random_, first->action));
  Action retry = sample_action(random_, tenant_, a.machine);  // a new id each try
  auto again = insert(retry, key, {1});
  ASSERT_OK(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->action, moved);
  EXPECT_CODE(get(retry), not_found);
  auto other_body = key;
  other_body.body = sample_digest(random_);
  EXPECT_CODE(insert(retry, other_body), mismatch);
  EXPECT_EQ(list(0, 10)->size(), 1u);
}

TEST_P(ActionStoreConformance, an_idempotency_key_finds_its_action) {
  server::IdempotencyKey key{"app", "k1", sample_digest(random_)};
  auto find = [&](TenantId tenant, const server::IdempotencyKey& k) {
    return wait_for<std::optional<Action>>([&](auto done) { store().find_key(tenant, k, done); });
  };
  auto none = find(tenant_, key);
  ASSERT_OK(none);
  EXPECT_FALSE(none->has_value());
  auto first = insert(fresh(), key);
  ASSERT_OK(first);
  Action now = replaced(sample_step(random_, first->action));
  auto found = find(tenant_, key);
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ(**found, now);
  auto other_body = key;
  other_body.body = sample_digest(random_);
  EXPECT_CODE(find(tenant_, other_body), mismatch);
  auto other_caller = key;
  other_caller.caller = "other";
  EXPECT_FALSE(find(tenant_, other_caller)->has_value());
  EXPECT_FALSE(find(other_tenant_, key)->has_value());
}

TEST_P(ActionStoreConformance, an_idempotency_key_belongs_to_a_caller_of_a_tenant) {
  server::IdempotencyKey key{"app", "k", sample_digest(random_)};
  ASSERT_OK(insert(fresh(), key));
  auto other_caller = key;
  other_caller.caller = "app2";
  auto r = insert(fresh(), other_caller);
  ASSERT_OK(r);
  EXPECT_FALSE(r->replayed);
  auto elsewhere = insert(sample_action(random_, other_tenant_, sample_machine_id(random_)), key);
  ASSERT_OK(elsewhere);
  EXPECT_FALSE(elsewhere->replayed);
}

TEST_P(ActionStoreConformance, a_refused_insert_does_not_use_up_its_key) {
  Action active = inserted(fresh());
  server::IdempotencyKey key{"app", "k", sample_digest(random_)};
  EXPECT_CODE(insert(sample_action(random_, tenant_, active.machine), key), already_active);
  auto r = insert(fresh(), key);
  ASSERT_OK(r);
  EXPECT_FALSE(r->replayed);
}

TEST_P(ActionStoreConformance, replace_needs_the_stored_version) {
  Action a = inserted(fresh());
  Action granted = sample_step(random_, a);
  Action cancelled = sample_cancelled(a);
  auto won = replace(granted);
  ASSERT_OK(won);
  EXPECT_EQ(won->version, 2u);
  EXPECT_CODE(replace(cancelled), conflict);
  EXPECT_CODE(replace(granted), conflict);
  granted.version = 2;
  EXPECT_EQ(*get(a), granted);
}

TEST_P(ActionStoreConformance, a_broken_action_is_not_written) {
  Action a = fresh();
  a.commands.clear();
  EXPECT_CODE(insert(a), internal);
  Action running = sample_step(random_, fresh());
  EXPECT_CODE(insert(running), internal);
  Action good = inserted(fresh());
  Action broken = good;
  broken.status = action::Status::succeeded;
  EXPECT_CODE(replace(broken), internal);
  EXPECT_EQ(*get(good), good);
}

TEST_P(ActionStoreConformance, an_illegal_transition_is_not_written) {
  Action a = inserted(fresh());
  Action other_requestor = a;
  other_requestor.requestor = "mallory";
  EXPECT_CODE(replace(other_requestor), internal);
  Action done = replaced(sample_cancelled(a));
  Action undone = a;
  undone.version = done.version;
  EXPECT_CODE(replace(undone), internal);
  EXPECT_EQ(*get(a), done);
}

TEST_P(ActionStoreConformance, a_page_of_much_text_ends_early_and_says_so) {
  constexpr std::size_t kText = 1000;
  for (int i = 0; i < 4; ++i) {
    Action a = fresh(sample_time(i));
    a.comment = std::string(kText, 'c');
    inserted(a);
  }
  const auto all = *list(0, 100);
  auto first = list_page(0, 100, kText);
  ASSERT_OK(first);
  EXPECT_EQ(first->items, std::vector<Action>(all.begin(), all.begin() + 1)) << "one at least";
  EXPECT_TRUE(first->more);
  auto two = list_page(1, 100, server::text_bytes(all[1]) + 1);
  ASSERT_OK(two);
  EXPECT_EQ(two->items, std::vector<Action>(all.begin() + 1, all.begin() + 3));
  EXPECT_TRUE(two->more);
  EXPECT_FALSE(list_page(3, 100, 1)->more) << "nothing is behind it";
  EXPECT_TRUE(list_page(0, 1, UINT64_MAX)->more);
  EXPECT_FALSE(list_page(0, 4, UINT64_MAX)->more);
  EXPECT_FALSE(list_page(4, 1, UINT64_MAX)->more);
  EXPECT_FALSE(list_page(0, 0, UINT64_MAX)->more) << "nothing was asked for";
}

TEST_P(ActionStoreConformance, the_list_is_newest_first_and_pages) {
  std::vector<Action> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(inserted(fresh(sample_time(i / 2))));  // ties in twos
  }
  std::sort(all.begin(), all.end(), [](const Action& x, const Action& y) {
    return std::tie(x.created, x.id) > std::tie(y.created, y.id);
  });
  EXPECT_EQ(*list(0, 100), all);
  EXPECT_EQ(*list(1, 3), std::vector<Action>(all.begin() + 1, all.begin() + 4));
  EXPECT_EQ(*list(5, 3), std::vector<Action>(all.begin() + 5, all.end()));
  EXPECT_TRUE(list(6, 3)->empty());
  EXPECT_TRUE(list(0, 0)->empty());
  EXPECT_TRUE(list(UINT64_MAX, UINT64_MAX)->empty());
  EXPECT_EQ(list(0, UINT64_MAX)->size(), 6u);
}

TEST_P(ActionStoreConformance, due_gives_the_oldest_deadlines_of_every_tenant) {
  Action late = inserted(fresh(sample_time(30)));
  Action early =
      inserted(sample_action(random_, other_tenant_, sample_machine_id(random_), sample_time(10)));
  Action running = replaced(sample_step(random_, inserted(fresh(sample_time(0)))));
  finished(inserted(fresh(sample_time(0))));
  EXPECT_TRUE(due(sample_time(0))->empty());
  Timestamp runs_out = *action::deadline(running);
  EXPECT_TRUE(due(runs_out - Duration(1))->empty());
  EXPECT_EQ(*due(runs_out), std::vector<Action>{running});
  EXPECT_EQ(*due(early.queue_deadline), (std::vector<Action>{running, early}));
  Timestamp far = late.queue_deadline + std::chrono::hours(1);
  EXPECT_EQ(*due(far), (std::vector<Action>{running, early, late}));
  EXPECT_EQ(*due(far, 2), (std::vector<Action>{running, early}));
}

TEST_P(ActionStoreConformance, of_many_writers_with_one_version_one_wins) {
  Action a = inserted(fresh());
  std::vector<Action> nexts;
  for (int i = 0; i < 8; ++i) {
    nexts.push_back(sample_step(random_, a));  // each another generation
  }
  std::atomic<int> won{0}, lost{0};
  std::vector<std::thread> threads;
  for (const Action& next : nexts) {
    threads.emplace_back([&, next] {
      auto r = replace(next);
      won += r.ok();
      lost += code_of(r) == Errc::conflict;
    });
  }
  for (auto& t : threads) {
    t.join();
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
  EXPECT_EQ(get(a)->version, 2u);
}

TEST_P(ActionStoreConformance, of_many_inserts_for_one_machine_one_wins_and_one_key_makes_one) {
  MachineId machine = sample_machine_id(random_);
  server::IdempotencyKey key{"app", "k", sample_digest(random_)};
  std::vector<Action> tries, keyed;
  for (int i = 0; i < 8; ++i) {
    tries.push_back(sample_action(random_, tenant_, machine));
    keyed.push_back(fresh());
  }
  std::atomic<int> won{0}, refused{0}, made{0}, replayed{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < tries.size(); ++i) {
    threads.emplace_back([&, i] {
      auto r = insert(tries[i]);
      won += r.ok();
      refused += code_of(r) == Errc::already_active;
      auto k = insert(keyed[i], key);
      made += k.ok() && !k->replayed;
      replayed += k.ok() && k->replayed;
    });
  }
  for (auto& t : threads) {
    t.join();
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_EQ(made, 1);
  EXPECT_EQ(replayed, 7);
  EXPECT_EQ(list(0, 100)->size(), 2u);
}

}  // namespace reachback::testing
