// What every MachineStore must do. Include in one test file of a program; see conformance_stores.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "server/odata/build.h"
#include "testing/conformance_stores.h"
#include "testing/sample_action.h"

namespace reachback::testing {

class MachineStoreConformance : public StoresConformance {
 protected:
  using Machine = server::Machine;

  Machine fresh(Timestamp at = sample_time(0)) {
    Machine m;
    m.id = sample_machine_id(random_);
    m.public_key = random_.bytes(44);
    m.name = "host-1";
    m.os_platform = "Linux";
    m.os_version = "12";
    m.os_architecture = "64-bit";
    m.agent_version = "0.1";
    m.last_ip = "10.0.0.1";
    m.last_external_ip = "192.0.2.1";
    m.os_distribution = "Debian GNU/Linux";
    m.os_processor = "x64";
    m.os_build = 18;
    m.addresses = {
        {"10.0.0.1", std::string("\x02\0\0\0\0\x01", 6), server::InterfaceType::ethernet,
         server::OperationalStatus::up},
        {"fe80::1", "", server::InterfaceType::tunnel, server::OperationalStatus::dormant}};
    m.first_seen = m.last_seen = at;
    return m;
  }
  Sha256 token(TenantId tenant, std::uint32_t uses, Timestamp expires = sample_time(1000),
               std::vector<std::string> tags = {}) {
    Sha256 digest = sample_digest(random_);
    EXPECT_OK(wait_for([&](auto done) {
      stores_->apps().add_token({tenant, digest, expires, uses, tags, sample_time(0)}, done);
    }));
    return digest;
  }
  Result<Machine> enroll(const Sha256& token, const Machine& m, Timestamp now = sample_time(0)) {
    return wait_for<Machine>([&](auto done) { stores_->machines().enroll(token, m, now, done); });
  }
  Result<Machine> get(TenantId tenant, MachineId id) {
    return wait_for<Machine>([&](auto done) { stores_->machines().get(tenant, id, done); });
  }
  Result<std::vector<Machine>> list(std::uint64_t skip, std::uint64_t top) {
    return list(server::odata::everything(server::machine_entity(), skip, top));
  }
  Result<std::vector<Machine>> list(const server::odata::Query& query) {
    auto page = wait_for<server::Page<Machine>>([&](auto done) {
      stores_->machines().list({tenant_, {}}, query,
                               {[](const MachineId&, Timestamp) { return false; }}, {}, done);
    });
    return page ? Result<std::vector<Machine>>(std::move(page->items)) : page.error();
  }
  // Those with a tag that fits.
  std::vector<Machine> with_tag(const std::string& tag,
                                server::odata::Op op = server::odata::Op::in,
                                bool negated = false) {
    auto query = server::odata::everything(server::machine_entity(), 0, 100);
    query.filter = server::odata::term_node(
        {server::machine_entity().find("machineTags"), op, negated, {server::odata::Value(tag)}});
    return *list(query);
  }
  Result<std::vector<Machine>> by_name(const std::string& name) {
    return wait_for<std::vector<Machine>>(
        [&](auto done) { stores_->machines().by_name(tenant_, name, done); });
  }
};

TEST_P(MachineStoreConformance, an_enrolled_machine_has_its_tokens_tenant_and_tags) {
  Machine m = fresh();
  m.tenant = other_tenant_;  // what the caller believes does not count
  auto r = enroll(token(tenant_, 1, sample_time(1000), {"a", "b"}), m);
  ASSERT_OK(r);
  m.tenant = tenant_;
  m.tags = {"a", "b"};
  EXPECT_EQ(*r, m);
  EXPECT_EQ(*get(tenant_, m.id), m);
  EXPECT_CODE(get(other_tenant_, m.id), not_found);
  EXPECT_EQ(*wait_for<Machine>([&](auto done) { stores_->machines().find(m.id, done); }), m);
  EXPECT_CODE(wait_for<Machine>(
                  [&](auto done) { stores_->machines().find(sample_machine_id(random_), done); }),
              not_found);
}

TEST_P(MachineStoreConformance, an_unknown_expired_or_used_up_token_is_refused) {
  EXPECT_CODE(enroll(sample_digest(random_), fresh()), unauthenticated);
  Sha256 short_lived = token(tenant_, 1, sample_time(10));
  EXPECT_CODE(enroll(short_lived, fresh(), sample_time(10)), unauthenticated);
  EXPECT_OK(enroll(short_lived, fresh(), sample_time(9)));
  EXPECT_CODE(enroll(short_lived, fresh(), sample_time(9)), unauthenticated);
  EXPECT_EQ(list(0, 100)->size(), 1u);
}

TEST_P(MachineStoreConformance, the_same_key_again_is_the_same_machine_and_no_second_use) {
  Sha256 two = token(tenant_, 2);
  Machine m = fresh();
  auto first = enroll(two, m);
  ASSERT_OK(first);
  Machine retry = m;
  retry.name = "another name";
  auto again = enroll(two, retry);
  ASSERT_OK(again);
  EXPECT_EQ(*again, *first);
  EXPECT_OK(enroll(two, fresh()));  // the second use was still there
  EXPECT_CODE(enroll(two, fresh()), unauthenticated);
  // Used up and expired, and still the answer to a lost reply is the same.
  again = enroll(two, m, sample_time(5000));
  ASSERT_OK(again);
  EXPECT_EQ(*again, *first);
  // With another token, too, none is spent.
  Sha256 other = token(tenant_, 1);
  EXPECT_OK(enroll(other, m));
  EXPECT_OK(enroll(other, fresh()));
  EXPECT_CODE(enroll(other, m), unauthenticated);
}

TEST_P(MachineStoreConformance, a_key_belongs_to_one_tenant_and_an_id_to_one_key) {
  Machine m = fresh();
  ASSERT_OK(enroll(token(tenant_, 1), m));
  Sha256 elsewhere = token(other_tenant_, 1);
  EXPECT_CODE(enroll(elsewhere, m), conflict);
  Machine forged = fresh();
  forged.id = m.id;
  EXPECT_CODE(enroll(token(tenant_, 1), forged), conflict);
  EXPECT_OK(enroll(elsewhere, fresh()));  // its use was not spent
}

TEST_P(MachineStoreConformance, of_many_machines_one_gets_the_last_use) {
  Sha256 last = token(tenant_, 1);
  std::vector<Machine> machines;
  for (int i = 0; i < 8; ++i) {
    machines.push_back(fresh());
  }
  std::atomic<int> won{0}, refused{0};
  std::vector<std::thread> threads;
  for (const Machine& m : machines) {
    threads.emplace_back([&, m] {
      auto r = enroll(last, m);
      won += r.ok();
      refused += code_of(r) == Errc::unauthenticated;
    });
  }
  for (auto& t : threads) {
    t.join();
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(refused, 7);
}

TEST_P(MachineStoreConformance, the_list_is_by_first_seen_and_pages) {
  Sha256 many = token(tenant_, 10);
  std::vector<Machine> all;
  for (int i = 0; i < 5; ++i) {
    auto r = enroll(many, fresh(sample_time(10 - i / 2)));
    ASSERT_OK(r);
    all.push_back(*r);
  }
  ASSERT_OK(enroll(token(other_tenant_, 1), fresh()));
  std::sort(all.begin(), all.end(), [](const Machine& a, const Machine& b) {
    return std::tie(a.first_seen, a.id) < std::tie(b.first_seen, b.id);
  });
  EXPECT_EQ(*list(0, 100), all);
  EXPECT_EQ(*list(1, 2), std::vector<Machine>(all.begin() + 1, all.begin() + 3));
  EXPECT_TRUE(list(5, 1)->empty());
}

TEST_P(MachineStoreConformance, a_contact_replaces_what_the_agent_tells) {
  auto m = enroll(token(tenant_, 1, sample_time(1000), {"tag"}), fresh());
  ASSERT_OK(m);
  server::MachineContact contact;
  contact.name = "renamed";
  contact.os_platform = "Linux2";
  contact.os_distribution = "Another";
  contact.os_version = "13";
  contact.os_architecture = "32-bit";
  contact.os_processor = "x86";
  contact.os_build = INT64_MAX;
  contact.agent_version = "0.2";
  contact.last_ip = "10.0.0.2";
  contact.last_external_ip = "192.0.2.2";
  contact.addresses = {{"10.0.0.2", "", server::InterfaceType::other, {}}};
  contact.generation = JournalGeneration::make(random_);
  contact.contact = random_.bytes(16);
  contact.last_contact = random_.bytes(16);
  contact.life = random_.bytes(16);
  contact.attempt = 3;
  contact.order_keys_version = 7;
  ASSERT_OK(wait_for([&](auto done) {
    stores_->machines().connected(tenant_, m->id, contact, sample_time(50), done);
  }));
  Machine want = *m;
  static_cast<server::MachineFacts&>(want) = contact;
  want.generation = contact.generation;
  want.contact = contact.contact;
  want.confirmed_contact = contact.last_contact;
  want.life = contact.life;
  want.attempt = 3;
  want.order_keys_version = 7;
  want.last_seen = sample_time(50);
  EXPECT_EQ(*get(tenant_, m->id), want);
  EXPECT_CODE(wait_for([&](auto done) {
                stores_->machines().connected(other_tenant_, m->id, contact, sample_time(60), done);
              }),
              not_found);
  EXPECT_EQ(*get(tenant_, m->id), want);
}

TEST_P(MachineStoreConformance, of_two_contacts_that_replace_the_same_one_the_first_counts) {
  auto m = enroll(token(tenant_, 1), fresh());
  ASSERT_OK(m);
  auto connect = [&](const std::string& text, const std::string& replaces) {
    server::MachineContact contact;
    contact.generation = JournalGeneration::make(random_);
    contact.contact = text;
    contact.replaces = replaces;
    return wait_for([&](auto done) {
      stores_->machines().connected(tenant_, m->id, contact, sample_time(50), done);
    });
  };
  EXPECT_OK(connect(std::string(16, '1'), ""));
  EXPECT_CODE(connect(std::string(16, '2'), ""), conflict);
  EXPECT_EQ(get(tenant_, m->id)->contact, std::string(16, '1'));
  EXPECT_OK(connect(std::string(16, '2'), std::string(16, '1')));
}

TEST_P(MachineStoreConformance, only_the_newest_contact_can_be_kept) {
  auto m = enroll(token(tenant_, 1), fresh());
  ASSERT_OK(m);
  EXPECT_EQ(m->confirmed_contact, "");
  auto kept = [&](TenantId tenant, const std::string& contact) {
    return wait_for(
        [&](auto done) { stores_->machines().contact_kept(tenant, m->id, contact, done); });
  };
  server::MachineContact contact;
  contact.generation = JournalGeneration::make(random_);
  contact.contact = std::string(16, '1');
  ASSERT_OK(wait_for([&](auto done) {
    stores_->machines().connected(tenant_, m->id, contact, sample_time(50), done);
  }));
  EXPECT_EQ(get(tenant_, m->id)->confirmed_contact, "");
  EXPECT_CODE(kept(tenant_, std::string(16, '0')), conflict);
  EXPECT_FALSE(kept(other_tenant_, contact.contact).ok());
  EXPECT_OK(kept(tenant_, contact.contact));
  EXPECT_OK(kept(tenant_, contact.contact));
  EXPECT_EQ(get(tenant_, m->id)->confirmed_contact, contact.contact);
}

TEST_P(MachineStoreConformance, a_quarantine_lasts_until_it_is_ended) {
  auto m = enroll(token(tenant_, 1), fresh());
  ASSERT_OK(m);
  auto set = [&](TenantId tenant, std::optional<server::Quarantine> quarantine) {
    return wait_for(
        [&](auto done) { stores_->machines().set_quarantine(tenant, m->id, quarantine, done); });
  };
  const server::Quarantine quarantine{sample_time(5), "two of them"};
  EXPECT_CODE(set(other_tenant_, quarantine), not_found);
  EXPECT_OK(set(tenant_, quarantine));
  server::MachineContact contact;
  contact.generation = JournalGeneration::make(random_);
  contact.contact = std::string(16, '1');
  auto connect = [&] {
    return wait_for([&](auto done) {
      stores_->machines().connected(tenant_, m->id, contact, sample_time(50), done);
    });
  };
  EXPECT_CODE(connect(), conflict);  // its hello was looked at before
  contact.in_quarantine = true;
  ASSERT_OK(connect());
  EXPECT_EQ(get(tenant_, m->id)->quarantine, quarantine);
  EXPECT_OK(set(tenant_, std::nullopt));
  EXPECT_EQ(get(tenant_, m->id)->contact, "");
  EXPECT_EQ(get(tenant_, m->id)->quarantine, std::nullopt);
  EXPECT_EQ(get(tenant_, m->id)->confirmed_contact, std::nullopt);
}

TEST_P(MachineStoreConformance, the_machines_with_older_order_keys_are_counted) {
  auto m = enroll(token(tenant_, 2), fresh());
  ASSERT_OK(m);
  auto older = [&](std::uint64_t version) {
    return *wait_for<std::uint64_t>(
        [&](auto done) { stores_->machines().count_with_older_order_keys(version, done); });
  };
  EXPECT_EQ(older(1), 0u);
  EXPECT_EQ(older(2), 1u);
  EXPECT_OK(
      wait_for([&](auto done) { stores_->machines().order_keys_kept(tenant_, m->id, 2, done); }));
  EXPECT_EQ(older(2), 0u);
  EXPECT_EQ(get(tenant_, m->id)->order_keys_version, 2u);
}

TEST_P(MachineStoreConformance, last_seen_grows_only) {
  auto m = enroll(token(tenant_, 1), fresh(sample_time(10)));
  ASSERT_OK(m);
  auto seen = [&](TenantId tenant, int second) {
    return wait_for(
        [&](auto done) { stores_->machines().seen(tenant, m->id, sample_time(second), done); });
  };
  EXPECT_OK(seen(tenant_, 20));
  EXPECT_OK(seen(tenant_, 15));
  EXPECT_CODE(seen(other_tenant_, 30), not_found);
  EXPECT_EQ(get(tenant_, m->id)->last_seen, sample_time(20));
  EXPECT_EQ(get(tenant_, m->id)->first_seen, sample_time(10));
}

TEST_P(MachineStoreConformance, by_name_is_exact_and_newest_first) {
  Sha256 many = token(tenant_, 10);
  auto a = enroll(many, fresh(sample_time(1)));
  auto b = enroll(many, fresh(sample_time(3)));
  auto c = enroll(many, fresh(sample_time(2)));
  Machine odd = fresh();
  odd.name = "HOST-1";
  ASSERT_OK(enroll(many, odd));
  ASSERT_OK(enroll(token(other_tenant_, 1), fresh()));
  EXPECT_EQ(*by_name("host-1"), (std::vector<Machine>{*b, *c, *a}));
  EXPECT_TRUE(by_name("host")->empty());
  EXPECT_TRUE(by_name("host-1' OR 1=1")->empty());
}

TEST_P(MachineStoreConformance, machines_are_found_by_the_addresses_that_they_had) {
  auto m = enroll(token(tenant_, 2), fresh(sample_time(100)));
  ASSERT_OK(m);
  auto found = [&](const std::string& ip, int from, int to, std::uint64_t top = 100) {
    return wait_for<std::vector<Machine>>([&](auto done) {
             stores_->machines().with_address({tenant_, {}}, ip, sample_time(from), sample_time(to),
                                              top, done);
           })
        ->size();
  };
  auto connect = [&](int second, std::vector<server::NetworkAddress> addresses) {
    server::MachineContact contact;
    static_cast<server::MachineFacts&>(contact) = *m;
    contact.addresses = std::move(addresses);
    contact.generation = JournalGeneration::make(random_);
    contact.replaces = get(tenant_, m->id)->contact;
    contact.contact = random_.bytes(16);
    ASSERT_OK(wait_for([&](auto done) {
      stores_->machines().connected(tenant_, m->id, contact, sample_time(second), done);
    }));
  };
  EXPECT_EQ(found("10.0.0.1", 0, 99), 0u);  // before it was there
  EXPECT_EQ(found("10.0.0.1", 0, 100), 1u);
  EXPECT_EQ(found("10.0.0.1", 5000, 6000), 1u);  // has it, as far as is known
  EXPECT_EQ(found("10.0.0.9", 0, 6000), 0u);
  EXPECT_EQ(found("10.0.0.1", 0, 6000, 0), 0u);
  // Last seen at 200 with the old address, back at 900 with another.
  ASSERT_OK(wait_for(
      [&](auto done) { stores_->machines().seen(tenant_, m->id, sample_time(200), done); }));
  connect(900, {{"10.0.0.2", "", {}, {}}});
  EXPECT_EQ(found("10.0.0.1", 200, 900), 1u);
  EXPECT_EQ(found("10.0.0.1", 201, 6000), 0u);
  EXPECT_EQ(found("10.0.0.2", 201, 899), 0u);
  EXPECT_EQ(found("10.0.0.2", 201, 900), 1u);
  // The same again begins nothing new; the first address a second time does.
  connect(1000, {{"10.0.0.2", "", {}, {}}});
  connect(1100, {{"10.0.0.1", "", {}, {}}, {"10.0.0.1", "", {}, {}}});
  EXPECT_EQ(found("10.0.0.2", 1000, 1099), 1u);
  EXPECT_EQ(found("10.0.0.2", 1001, 9999), 0u);
  EXPECT_EQ(found("10.0.0.1", 1100, 1100), 1u);
  EXPECT_EQ(found("10.0.0.1", 500, 600), 0u);
  EXPECT_EQ(wait_for<std::vector<Machine>>([&](auto done) {
              stores_->machines().with_address({other_tenant_, {}}, "10.0.0.1", sample_time(0),
                                               sample_time(9999), 100, done);
            })->size(),
            0u);
}

TEST_P(MachineStoreConformance, machines_are_found_by_tag) {
  auto a = enroll(token(tenant_, 1, sample_time(1000), {"web", "prod"}), fresh(sample_time(1)));
  auto b = enroll(token(tenant_, 1, sample_time(1000), {"website"}), fresh(sample_time(2)));
  ASSERT_OK(a);
  ASSERT_OK(b);
  ASSERT_OK(enroll(token(other_tenant_, 1, sample_time(1000), {"web"}), fresh()));
  using enum server::odata::Op;
  EXPECT_EQ(with_tag("web"), std::vector<Machine>{*a});
  EXPECT_EQ(with_tag("web", in, true), std::vector<Machine>{*b});
  EXPECT_EQ(with_tag("web", starts_with), (std::vector<Machine>{*a, *b}));
  EXPECT_EQ(with_tag("web", starts_with, true), std::vector<Machine>{});
  EXPECT_EQ(with_tag("site", ends_with), std::vector<Machine>{*b});
  EXPECT_EQ(with_tag("Web", starts_with), std::vector<Machine>{});
  EXPECT_EQ(with_tag("%", starts_with), std::vector<Machine>{});
  EXPECT_EQ(with_tag("webs"), std::vector<Machine>{});
}

TEST_P(MachineStoreConformance, a_change_is_made_to_all_machines_or_none) {
  Sha256 two = token(tenant_, 3, sample_time(1000), {"old"});
  auto a = enroll(two, fresh());
  auto b = enroll(two, fresh());
  ASSERT_OK(a);
  ASSERT_OK(b);
  auto change = [&](TenantId tenant, std::vector<MachineId> ids, server::MachineChange what) {
    what.tags_max = what.tags_max == 0 ? 10 : what.tags_max;
    return wait_for<std::vector<Machine>>([&](auto done) {
      stores_->machines().change({tenant, {}}, ids, what,
                                 {sample_time(5), "machine_changed", "someone", ""}, done);
    });
  };
  server::MachineChange add;
  add.add_tags = {"new"};
  auto changed = change(tenant_, {b->id, a->id}, add);
  ASSERT_OK(changed);
  Machine want = *b;
  want.tags = {"old", "new"};
  EXPECT_EQ((*changed)[0], want);
  EXPECT_EQ(*get(tenant_, b->id), want);
  EXPECT_EQ(get(tenant_, a->id)->tags, want.tags);
  EXPECT_EQ((*change(tenant_, {a->id}, add))[0].tags, want.tags);  // there already

  server::MachineChange replace;
  replace.tags = std::vector<std::string>{"x"};
  replace.device_value = server::DeviceValue::high;
  EXPECT_CODE(change(tenant_, {a->id, sample_machine_id(random_)}, replace), not_found);
  EXPECT_CODE(change(other_tenant_, {a->id}, replace), not_found);
  EXPECT_EQ(get(tenant_, a->id)->tags, want.tags);
  EXPECT_EQ(get(tenant_, a->id)->device_value, server::DeviceValue::normal);
  ASSERT_OK(change(tenant_, {a->id}, replace));
  EXPECT_EQ(get(tenant_, a->id)->tags, std::vector<std::string>{"x"});
  EXPECT_EQ(get(tenant_, a->id)->device_value, server::DeviceValue::high);

  server::MachineChange remove;
  remove.remove_tags = {"x", "never there"};
  ASSERT_OK(change(tenant_, {a->id}, remove));
  EXPECT_EQ(get(tenant_, a->id)->tags, std::vector<std::string>{});
  EXPECT_EQ(with_tag("x"), std::vector<Machine>{});

  add.add_tags = {"1", "2", "3"};
  add.tags_max = 3;
  EXPECT_OK(change(tenant_, {a->id}, add));
  EXPECT_CODE(change(tenant_, {a->id, b->id}, add), invalid_input);  // b has two already
  EXPECT_EQ(get(tenant_, b->id)->tags, want.tags);
}

TEST_P(MachineStoreConformance, a_fixed_tag_is_neither_added_nor_taken_away) {
  auto m = enroll(token(tenant_, 1, sample_time(1000), {"east", "old"}), fresh());
  ASSERT_OK(m);
  auto change = [&](server::MachineChange what) {
    what.tags_max = 10;
    what.fixed_tags = {"west", "east"};
    return wait_for<std::vector<Machine>>([&](auto done) {
      stores_->machines().change({tenant_, {}}, {m->id}, what,
                                 {sample_time(5), "machine_changed", "someone", ""}, done);
    });
  };
  server::MachineChange add, remove, replace, keep;
  add.add_tags = {"west"};
  remove.remove_tags = {"east"};
  replace.tags = std::vector<std::string>{"old"};
  for (const server::MachineChange& what : {add, remove, replace}) {
    EXPECT_CODE(change(what), disallowed);
    EXPECT_EQ(*get(tenant_, m->id), *m);
  }
  EXPECT_EQ(change(add).error().message, server::tag_is_fixed("west").message);
  // What it has stays; what it has not, stays away: nothing is moved.
  keep.tags = std::vector<std::string>{"new", "east"};
  keep.add_tags = {"east"};
  keep.remove_tags = {"west"};
  ASSERT_OK(change(keep));
  EXPECT_EQ(get(tenant_, m->id)->tags, (std::vector<std::string>{"new", "east"}));
}

TEST_P(MachineStoreConformance, outside_the_scope_no_machine_is_found_or_changed) {
  const Sha256 east = token(tenant_, 2, sample_time(1000), {"east"});
  const Sha256 west = token(tenant_, 1, sample_time(1000), {"west"});
  auto a = enroll(east, fresh(sample_time(100)));
  auto b = enroll(west, fresh(sample_time(101)));
  ASSERT_OK(a);
  ASSERT_OK(b);
  auto found = [&](std::optional<std::vector<std::string>> tags, std::uint64_t top = 9) {
    auto machines = wait_for<std::vector<Machine>>([&](auto done) {
      stores_->machines().with_address({tenant_, std::move(tags)}, "10.0.0.1", sample_time(0),
                                       sample_time(999), top, done);
    });
    std::vector<MachineId> ids;
    for (const Machine& m : *machines) {
      ids.push_back(m.id);
    }
    return ids;
  };
  using Tags = std::vector<std::string>;
  EXPECT_EQ(found(std::nullopt).size(), 2u);
  EXPECT_EQ(found(Tags{"west"}, 1), std::vector<MachineId>{b->id});
  EXPECT_EQ(found(Tags{"east", "x", "y"}), std::vector<MachineId>{a->id});
  EXPECT_EQ(found(Tags{"West"}), std::vector<MachineId>{});
  EXPECT_EQ(found(Tags{}), std::vector<MachineId>{});

  auto ids_of = [&](TenantId tenant, std::optional<Tags> tags) {
    auto all = wait_for<std::vector<MachineId>>(
        [&](auto done) { stores_->machines().ids({tenant, std::move(tags)}, done); });
    EXPECT_OK(all);
    std::sort(all->begin(), all->end());
    return *all;
  };
  EXPECT_EQ(ids_of(tenant_, std::nullopt),
            (std::vector<MachineId>{std::min(a->id, b->id), std::max(a->id, b->id)}));
  EXPECT_EQ(ids_of(tenant_, Tags{"west", "x"}), std::vector<MachineId>{b->id});
  EXPECT_EQ(ids_of(tenant_, Tags{}), std::vector<MachineId>{});
  EXPECT_EQ(ids_of(other_tenant_, std::nullopt), std::vector<MachineId>{});

  server::MachineChange mark;
  mark.add_tags = {"marked"};
  mark.tags_max = 10;
  auto change = [&](std::optional<Tags> tags, std::vector<MachineId> ids) {
    return wait_for<std::vector<Machine>>([&](auto done) {
      stores_->machines().change({tenant_, std::move(tags)}, std::move(ids), mark,
                                 {sample_time(5), "machine_changed", "someone", ""}, done);
    });
  };
  const auto outside = change(Tags{"east"}, {b->id});
  EXPECT_CODE(outside, not_found);
  EXPECT_CODE(change(Tags{"east"}, {a->id, b->id}), not_found);
  EXPECT_CODE(change(Tags{}, {a->id}), not_found);
  EXPECT_EQ(*get(tenant_, a->id), *a);
  EXPECT_EQ(*get(tenant_, b->id), *b);
  ASSERT_OK(change(Tags{"west", "east"}, {a->id, b->id}));
}

}  // namespace reachback::testing
