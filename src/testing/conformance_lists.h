// What every store's lists must do: what odata/evaluate.h says, whatever is asked. Include in one
// test file of a program; see conformance_stores.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "server/odata/parser.h"
#include "server/ports/users.h"
#include "testing/conformance_stores.h"
#include "testing/list_in_memory.h"
#include "testing/random_query.h"
#include "testing/sample_action.h"

namespace reachback::testing {

class ListConformance : public StoresConformance {
 protected:
  static constexpr int kQueries = 400;
  static server::odata::Bounds wide() { return {1 << 20, 20, 1000, 10'000, 100}; }

  struct Asked {
    std::string filter, order;
    server::odata::Query query;
  };
  // A random query, half of them without an order of their own.
  Asked ask(RandomQuery& random, const server::odata::Entity& entity) {
    Asked out;
    out.filter = random.filter();
    auto filter = server::odata::parse_filter(entity, out.filter, wide());
    EXPECT_TRUE(filter.ok()) << out.filter << ": " << (filter ? "" : filter.error().message);
    out.query = server::odata::everything(entity, random.below(4), random.below(3) ? 100 : 5);
    out.query.count = random.below(2) == 0;
    if (filter) {
      out.query.filter = std::move(*filter);
    }
    if (random.below(2) == 0) {
      out.order = random.order();
      auto order = server::odata::parse_order(entity, out.order, wide());
      EXPECT_TRUE(order.ok()) << out.order;
      out.query.order = order ? *order : out.query.order;
    }
    return out;
  }
  // How many rows the queries gave: a test in which nothing ever fits proves nothing.
  std::uint64_t given_ = 0;

  // What is asked with a scope and groups, and what is in it.
  static std::vector<std::vector<std::string>> some_scopes() {
    return {{}, {"red"}, {"Web", "it's"}, {"red", "Web", "it's"}, {"nobody has it", "RED"}};
  }
  // Enrolled with these tags.
  server::Machine enrolled(server::Machine m, const std::vector<std::string>& tags) {
    Sha256 token = sample_digest(random_);
    EXPECT_OK(wait_for([&](auto done) {
      stores_->apps().add_token({tenant_, token, sample_time(1000), 1, tags, sample_time(0)}, done);
    }));
    auto made = wait_for<server::Machine>(
        [&](auto done) { stores_->machines().enroll(token, m, sample_time(0), done); });
    EXPECT_OK(made);
    return *made;
  }

  template <typename List>
  static void expect_nothing(List list, const server::odata::Entity& entity) {
    server::odata::Query query = server::odata::everything(entity, 0, 9);
    query.count = true;
    auto page = list(query, server::ListBounds{});
    ASSERT_OK(page);
    EXPECT_TRUE(page->items.empty());
    EXPECT_FALSE(page->more);
    EXPECT_EQ(page->count, 0u);
  }
  // list(query, bounds): the store's answer. getter_of(row): as list_in_memory wants it.
  template <typename T, typename List, typename GetterOf>
  void expect_agreement(const server::odata::Entity& entity, const std::vector<T>& rows, List list,
                        GetterOf getter_of) {
    std::vector<server::odata::Getter> getters;
    for (const T& row : rows) {
      getters.push_back(getter_of(row));
    }
    RandomQuery random(random_, entity, getters);
    for (int i = 0; i < kQueries; ++i) {
      Asked asked = ask(random, entity);
      auto real = list(asked.query, server::ListBounds{});
      ASSERT_TRUE(real.ok()) << asked.filter << ": " << real.error().message;
      auto wanted = list_in_memory(rows, asked.query, {}, getter_of);
      ASSERT_EQ(real->items, wanted->items) << asked.filter << " by " << asked.order;
      ASSERT_EQ(real->more, wanted->more) << asked.filter;
      ASSERT_EQ(real->passed, wanted->passed) << asked.filter;
      ASSERT_EQ(real->count, wanted->count) << asked.filter;
      given_ += real->items.size();
    }
    EXPECT_GT(given_, static_cast<std::uint64_t>(kQueries));
  }

  // ---- actions
  using Action = action::Action;
  std::vector<Action> some_actions() {
    RandomQuery dice(random_, server::action_entity());
    const char* hosts[] = {"Web-01.example", "web-01.example", "db", "it's"};
    const char* people[] = {"ann@example.com", "Ann@example.com", "7b4a", ""};
    const char* sources[] = {"PublicApi", "Portal", "Unspecified"};
    std::vector<Action> all;
    for (int i = 0; i < 60; ++i) {
      Action a = sample_action(random_, tenant_, sample_machine_id(random_),
                               sample_time(static_cast<int>(dice.below(20))) +
                                   Duration(static_cast<std::int64_t>(dice.below(3))));
      a.machine_name = hosts[dice.below(4)];
      a.requestor = people[dice.below(3)];
      a.comment = dice.below(2) == 0 ? "look at 100%" : std::string("n\0ul and \xc3\xbc", 11);
      a.title = dice.below(2) == 0 ? std::optional<std::string>() : "t" + std::to_string(i % 3);
      a.external_id = dice.below(2) == 0 ? std::optional<std::string>() : people[dice.below(4)];
      a.request_source = sources[dice.below(3)];
      auto inserted = wait_for<server::Inserted>(
          [&](auto done) { stores_->actions().insert(a, {}, {}, sample_audit("accepted"), done); });
      EXPECT_OK(inserted);
      all.push_back(changed(inserted->action, static_cast<int>(dice.below(5))));
    }
    return all;
  }
  // Some steps further; 4: cancelled.
  Action changed(Action a, int steps) {
    for (int i = 0; i < (steps == 4 ? 1 : steps); ++i) {
      Action next = steps == 4 ? sample_cancelled(a) : sample_step(random_, a);
      auto done = wait_for<Action>(
          [&](auto d) { stores_->actions().replace(next, sample_audit("step"), d); });
      EXPECT_OK(done);
      a = *done;
    }
    return a;
  }
  Result<server::ActionPage> actions(const server::odata::Query& query,
                                     server::ListBounds bounds = {}) {
    return actions({tenant_, {}}, query, bounds);
  }
  Result<server::ActionPage> actions(const server::MachineScope& scope,
                                     const server::odata::Query& query,
                                     server::ListBounds bounds = {}) {
    return wait_for<server::ActionPage>(
        [&](auto done) { stores_->actions().list(scope, query, bounds, done); });
  }
};

TEST_P(ListConformance, actions_are_those_that_the_evaluator_gives) {
  const std::vector<Action> all = some_actions();
  Action foreign = sample_action(random_, other_tenant_, all[0].machine);
  EXPECT_OK(wait_for<server::Inserted>([&](auto done) {
    stores_->actions().insert(foreign, {}, {}, sample_audit("accepted"), done);
  }));
  expect_agreement(
      server::action_entity(), all,
      [&](const auto& query, const auto& bounds) { return actions(query, bounds); },
      [](const Action& a) { return server::getter(a); });
}

// The questions that clients ask, each alone and in pairs: what a store has an index for.
TEST_P(ListConformance, usual_questions_about_actions) {
  const std::vector<Action> all = some_actions();
  const Action& one = all[7];
  const std::vector<std::string> usual = {
      "id eq " + one.id.text(),
      "id in (" + one.id.text() + "," + all[9].id.text() + ",null)",
      "machineId eq '" + one.machine.text() + "'",
      "machineId in ('" + one.machine.text() + "','x','" + all[3].machine.text() + "')",
      "machineId eq 'nothing of the kind'",
      "status eq 'Pending' or status eq 'InProgress'",
      "status eq 'Succeeded'",
      "status ne 'Succeeded'",
      "not (status in ('Succeeded','Failed','Cancelled','TimeOut'))",
      "not (status in ('Succeeded','Failed','Cancelled','TimeOut','Pending','InProgress'))",
      "requestor eq 'ann@example.com'",
      "computerDnsName eq 'WEB-01.Example'",
      "externalId eq '7b4a'",
      "externalId eq null",
      "type eq 'LiveResponse'",
      "creationDateTimeUtc ge " + format_time(sample_time(5)),
      "creationDateTimeUtc lt " + format_time(sample_time(15)),
      "lastUpdateDateTimeUtc gt " + format_time(sample_time(10))};
  for (const std::string& first : usual) {
    for (const std::string& second : usual) {
      const std::string text = first == second ? first : first + " and (" + second + ")";
      auto filter = server::odata::parse_filter(server::action_entity(), text, wide());
      ASSERT_TRUE(filter.ok()) << text;
      for (const char* order :
           {"", "creationDateTimeUtc", "lastUpdateDateTimeUtc desc", "status"}) {
        server::odata::Query query = server::odata::everything(server::action_entity(), 0, 100);
        query.filter = *filter;
        query.count = true;
        if (*order != '\0') {
          query.order = *server::odata::parse_order(server::action_entity(), order, wide());
        }
        auto real = actions(query);
        ASSERT_TRUE(real.ok()) << text << ": " << real.error().message;
        auto wanted =
            list_in_memory(all, query, {}, [](const Action& a) { return server::getter(a); });
        ASSERT_EQ(real->items, wanted->items) << text << " by " << order;
        ASSERT_EQ(real->count, wanted->count) << text;
      }
    }
  }
}

TEST_P(ListConformance, a_query_that_costs_too_much_is_refused_by_name) {
  some_actions();
  server::odata::Query query = server::odata::everything(server::action_entity(), 0, 10);
  query.filter = *server::odata::parse_filter(
      server::action_entity(), "contains(requestorComment,'nobody wrote this')", wide());
  server::ListBounds bounds;
  bounds.work_max = 3000;
  EXPECT_CODE(actions(query, bounds), invalid_query);
  bounds.work_max = 1'000'000;
  EXPECT_OK(actions(query, bounds));
}

TEST_P(ListConformance, nothing_is_read_for_what_is_never_so_or_of_which_none_is_wanted) {
  some_actions();
  server::odata::Query query = server::odata::everything(server::action_entity(), 0, 10);
  query.filter = server::odata::Node::always(false);
  query.count = true;
  auto none = actions(query);
  ASSERT_OK(none);
  EXPECT_TRUE(none->items.empty());
  EXPECT_FALSE(none->more);
  EXPECT_EQ(none->count, 0u);
  query.filter = server::odata::Node::always(true);
  query.top = 0;
  auto only_count = actions(query);
  ASSERT_OK(only_count);
  EXPECT_TRUE(only_count->items.empty());
  EXPECT_FALSE(only_count->more);
  EXPECT_EQ(only_count->count, 60u);
}

TEST_P(ListConformance, with_a_scope_only_actions_of_its_machines_are_given) {
  std::vector<Action> all = some_actions();
  const std::vector<std::vector<std::string>> tags = {{}, {"red"}, {"red", "Web"}, {"it's"}};
  std::map<MachineId, std::vector<std::string>> tags_of;
  for (std::size_t i = 0; i < all.size(); i += 2) {  // the others' machines are not enrolled
    server::Machine m;
    m.id = all[i].machine;
    m.public_key = random_.bytes(44);
    m.name = "m";
    m.first_seen = m.last_seen = sample_time(0);
    tags_of[m.id] = enrolled(m, tags[i / 2 % 4]).tags;
  }
  for (const auto& scope_tags : some_scopes()) {
    const server::MachineScope scope{tenant_, scope_tags};
    std::vector<Action> inside = all;
    std::erase_if(inside, [&](const Action& a) { return !scope.has(tags_of[a.machine]); });
    auto list = [&](const auto& query, const auto& bounds) {
      return actions(scope, query, bounds);
    };
    if (inside.empty()) {
      expect_nothing(list, server::action_entity());
      continue;
    }
    given_ = 0;
    expect_agreement(server::action_entity(), inside, list,
                     [](const Action& a) { return server::getter(a); });
  }
}

TEST_P(ListConformance, machines_are_those_that_the_evaluator_gives) {
  using server::Machine;
  RandomQuery dice(random_, server::machine_entity());
  std::vector<Machine> all;
  for (int i = 0; i < 40; ++i) {
    const std::vector<std::vector<std::string>> tags = {{}, {"red"}, {"red", "Web"}, {"it's"}};
    Machine m;
    m.id = sample_machine_id(random_);
    m.public_key = random_.bytes(44);
    m.name = dice.below(2) == 0 ? "Web-0" + std::to_string(i % 4) : "db.example";
    m.os_platform = dice.below(2) == 0 ? "Debian" : "Ubuntu";
    m.os_version = dice.below(3) == 0 ? "" : "12";
    m.os_architecture = dice.below(3) == 0 ? "" : "64-bit";
    m.agent_version = dice.below(3) == 0 ? "" : "0.1";
    m.last_ip = dice.below(3) == 0 ? "" : "10.0.0." + std::to_string(i % 5);
    m.first_seen = m.last_seen = sample_time(static_cast<int>(dice.below(10)));
    enrolled(m, tags[dice.below(4)]);
    if (dice.below(4) == 0) {
      ASSERT_OK(wait_for([&](auto done) {
        stores_->machines().set_quarantine(tenant_, m.id, server::Quarantine{sample_time(1), "?"},
                                           done);
      }));
    }
    all.push_back(
        *wait_for<Machine>([&](auto done) { stores_->machines().get(tenant_, m.id, done); }));
  }
  server::MachineContext context;
  // Seen late, or "connected".
  context.active = [](const MachineId& id, Timestamp last_seen) {
    return last_seen >= sample_time(7) || (id.bytes()[0] & 1) != 0;
  };
  // Machines with both tags are in the first one; nobody is in the last.
  context.groups = std::make_shared<const std::vector<server::DeviceGroup>>(
      std::vector<server::DeviceGroup>{{tenant_, 3, "The Web", "Web", {}},
                                       {tenant_, 4, "it's \"red\"", "red", {}},
                                       {tenant_, 7, "", "RED", {}}});
  std::vector<std::optional<std::vector<std::string>>> scopes = {std::nullopt};
  for (const auto& tags : some_scopes()) {
    scopes.emplace_back(tags);
  }
  for (const auto& tags : scopes) {
    const server::MachineScope scope{tenant_, tags};
    std::vector<Machine> inside = all;
    std::erase_if(inside, [&](const Machine& m) { return !scope.has(m.tags); });
    auto list = [&](const auto& query, const auto& bounds) {
      return wait_for<server::Page<Machine>>(
          [&](auto done) { stores_->machines().list(scope, query, context, bounds, done); });
    };
    if (inside.empty()) {
      expect_nothing(list, server::machine_entity());
      continue;
    }
    given_ = 0;
    expect_agreement(server::machine_entity(), inside, list,
                     [&context](const Machine& m) { return server::getter(m, context); });
  }
}

TEST_P(ListConformance, library_files_are_those_that_the_evaluator_gives) {
  using server::LibraryFile;
  RandomQuery dice(random_, server::library_entity());
  std::vector<LibraryFile> all;
  for (int i = 0; i < 30; ++i) {
    LibraryFile f;
    f.tenant = tenant_;
    f.name = (dice.below(2) == 0 ? "T" : "t") + std::to_string(i) + ".sh";
    f.sha256 = sample_digest(random_);
    f.blob = to_hex(random_.bytes(16));
    f.description = dice.below(2) == 0 ? std::optional<std::string>() : "";
    f.parameters_description = dice.below(2) == 0 ? std::optional<std::string>() : "it's 1";
    f.has_parameters = dice.below(2) == 0;
    f.created_by = dice.below(2) == 0 ? "ann" : "Bob";
    f.created = f.updated = sample_time(static_cast<int>(dice.below(5)));
    ASSERT_OK(wait_for<LibraryFile>([&](auto done) { stores_->library().put(f, false, done); }));
    all.push_back(f);
  }
  expect_agreement(
      server::library_entity(), all,
      [&](const auto& query, const auto& bounds) {
        return wait_for<server::Page<LibraryFile>>(
            [&](auto done) { stores_->library().list(tenant_, query, bounds, done); });
      },
      [](const LibraryFile& f) { return server::getter(f); });
}

}  // namespace reachback::testing
