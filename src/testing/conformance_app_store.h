// What every AppStore must do. Include in one test file of a program; see conformance_stores.h.
#pragma once

#include <vector>

#include "testing/conformance_stores.h"
#include "testing/sample_action.h"

namespace reachback::testing {

class AppStoreConformance : public StoresConformance {
 protected:
  using App = server::App;

  App fresh(const std::string& name) {
    return App{tenant_,
               AppId::make(random_),
               name,
               {"Machine.LiveResponse", "x"},
               sample_digest(random_),
               sample_time(0),
               {},
               1,
               {"http://localhost", "https://console.example/back"},
               {"Machine.Read"}};
  }
  Result<void> add(const App& a) {
    return wait_for([&](auto done) { stores_->apps().add_app(a, done); });
  }
  Result<App> get(TenantId tenant, AppId id) {
    return wait_for<App>([&](auto done) { stores_->apps().app(tenant, id, done); });
  }
  Result<std::vector<App>> list(TenantId tenant) {
    return wait_for<std::vector<App>>([&](auto done) { stores_->apps().apps(tenant, done); });
  }
};

TEST_P(AppStoreConformance, tenants_are_added_once) {
  auto add = [&](TenantId id, const char* name) {
    return wait_for([&](auto done) { stores_->apps().add_tenant({id, name}, done); });
  };
  EXPECT_OK(add(tenant_, "one"));
  EXPECT_OK(add(other_tenant_, "two"));
  EXPECT_CODE(add(tenant_, "three"), already_exists);
  auto all =
      wait_for<std::vector<server::Tenant>>([&](auto done) { stores_->apps().tenants(done); });
  ASSERT_OK(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].id, tenant_);
  EXPECT_EQ((*all)[0].name, "one");
}

TEST_P(AppStoreConformance, a_token_is_listed_while_it_enrols_and_not_after_its_end) {
  auto token = [&](int created, int expires, std::uint32_t uses) {
    server::EnrollmentToken t{tenant_, sample_digest(random_), sample_time(expires), uses,
                              {"web"}, sample_time(created)};
    EXPECT_OK(wait_for([&](auto done) { stores_->apps().add_token(t, done); }));
    return t;
  };
  auto alive = [&](TenantId tenant, int now, std::size_t most = 10) {
    auto all = wait_for<std::vector<server::EnrollmentToken>>(
        [&](auto done) { stores_->apps().live_tokens(tenant, sample_time(now), most, done); });
    EXPECT_OK(all);
    return all ? *all : std::vector<server::EnrollmentToken>();
  };
  const auto first = token(1, 100, 2), second = token(2, 50, 1);
  token(3, 100, 0);
  using List = std::vector<server::EnrollmentToken>;
  EXPECT_EQ(alive(tenant_, 10), (List{second, first}));
  EXPECT_EQ(alive(tenant_, 10, 1), (List{second}));
  EXPECT_EQ(alive(tenant_, 50), (List{first}));
  EXPECT_EQ(alive(other_tenant_, 10), List());
  auto remove = [&](TenantId tenant, Sha256 digest) {
    return wait_for([&](auto done) { stores_->apps().remove_token(tenant, digest, {}, done); });
  };
  EXPECT_CODE(remove(other_tenant_, first.token), not_found);
  EXPECT_OK(remove(tenant_, first.token));
  EXPECT_CODE(remove(tenant_, first.token), not_found);
  EXPECT_EQ(alive(tenant_, 10), (List{second}));
}

TEST_P(AppStoreConformance, an_application_is_read_back_in_its_tenant) {
  App a = fresh("ops");
  ASSERT_OK(add(a));
  EXPECT_EQ(*get(tenant_, a.id), a);
  EXPECT_CODE(get(other_tenant_, a.id), not_found);
  EXPECT_CODE(get(tenant_, AppId::make(random_)), not_found);
  App b = fresh("intake");
  ASSERT_OK(add(b));
  EXPECT_EQ(*list(tenant_), (std::vector<App>{b, a}));  // by name
  EXPECT_TRUE(list(other_tenant_)->empty());
}

TEST_P(AppStoreConformance, an_id_and_a_name_are_taken_once_in_a_tenant) {
  App a = fresh("ops");
  ASSERT_OK(add(a));
  EXPECT_CODE(add(fresh("ops")), already_exists);
  App same_id = fresh("other");
  same_id.id = a.id;
  EXPECT_CODE(add(same_id), already_exists);
  same_id.tenant = other_tenant_;
  same_id.name = "ops";
  EXPECT_OK(add(same_id));
}

TEST_P(AppStoreConformance, a_secret_is_changed_and_an_application_removed) {
  App a = fresh("ops");
  ASSERT_OK(add(a));
  a.secret = sample_digest(random_);
  auto set = [&](TenantId tenant) {
    return wait_for([&](auto done) { stores_->apps().set_secret(tenant, a.id, *a.secret, done); });
  };
  auto remove = [&](TenantId tenant) {
    return wait_for([&](auto done) { stores_->apps().remove_app(tenant, a.id, done); });
  };
  EXPECT_CODE(set(other_tenant_), not_found);
  EXPECT_OK(set(tenant_));
  EXPECT_EQ(*get(tenant_, a.id), a);
  EXPECT_CODE(remove(other_tenant_), not_found);
  EXPECT_OK(remove(tenant_));
  EXPECT_CODE(remove(tenant_), not_found);
  EXPECT_CODE(set(tenant_), not_found);
  EXPECT_CODE(get(tenant_, a.id), not_found);
  EXPECT_OK(add(fresh("ops")));
}

TEST_P(AppStoreConformance, an_application_needs_no_secret_and_may_get_one) {
  App a = fresh("ops");
  a.secret = std::nullopt;
  ASSERT_OK(add(a));
  EXPECT_EQ(*get(tenant_, a.id), a);
  a.secret = sample_digest(random_);
  ASSERT_OK(
      wait_for([&](auto done) { stores_->apps().set_secret(tenant_, a.id, *a.secret, done); }));
  EXPECT_EQ(*get(tenant_, a.id), a);
}

TEST_P(AppStoreConformance, certificates_are_added_read_back_in_order_and_removed) {
  App a = fresh("ops");
  ASSERT_OK(add(a));
  auto put = [&](TenantId tenant, const server::AppCertificate& c, std::size_t max = 3) {
    return wait_for(
        [&](auto done) { stores_->apps().add_certificate(tenant, a.id, c, max, done); });
  };
  auto remove = [&](TenantId tenant, const server::AppCertificate& c) {
    return wait_for(
        [&](auto done) { stores_->apps().remove_certificate(tenant, a.id, c.thumbprint, done); });
  };
  for (const char* subject : {"CN=one", "CN=two", "CN=three"}) {
    a.certificates.push_back({sample_digest(random_), std::string(20, 's'),
                              std::string("key\0of", 6) + subject, subject, sample_time(1),
                              sample_time(2), sample_time(3)});
  }
  for (const auto& c : a.certificates) {
    ASSERT_OK(put(tenant_, c));
  }
  EXPECT_EQ(*get(tenant_, a.id), a);
  EXPECT_EQ(*list(tenant_), std::vector<App>{a});
  EXPECT_CODE(put(tenant_, a.certificates[0], 9), already_exists);
  server::AppCertificate fourth = a.certificates[0];
  fourth.thumbprint = sample_digest(random_);
  EXPECT_CODE(put(tenant_, fourth), invalid_input);
  EXPECT_CODE(put(other_tenant_, fourth), not_found);
  EXPECT_CODE(remove(tenant_, fourth), not_found);
  EXPECT_CODE(remove(other_tenant_, a.certificates[1]), not_found);
  ASSERT_OK(remove(tenant_, a.certificates[1]));
  EXPECT_CODE(remove(tenant_, a.certificates[1]), not_found);
  a.certificates.erase(a.certificates.begin() + 1);
  EXPECT_EQ(*get(tenant_, a.id), a);
  // They go with the application.
  ASSERT_OK(wait_for([&](auto done) { stores_->apps().remove_app(tenant_, a.id, done); }));
  a.certificates.clear();
  ASSERT_OK(add(a));
  EXPECT_EQ(*get(tenant_, a.id), a);
}

TEST_P(AppStoreConformance, a_rate_factor_is_kept) {
  App a = fresh("ops");
  ASSERT_OK(add(a));
  auto set = [&](TenantId tenant, std::uint32_t factor) {
    return wait_for(
        [&](auto done) { stores_->apps().set_rate_factor(tenant, a.id, factor, done); });
  };
  for (std::uint32_t factor : {10u, 0u, 4'294'967'295u, 1u}) {
    ASSERT_OK(set(tenant_, factor));
    a.rate_factor = factor;
    EXPECT_EQ(*get(tenant_, a.id), a);
  }
  EXPECT_CODE(set(other_tenant_, 2), not_found);
}

TEST_P(AppStoreConformance, a_token_is_added_once) {
  server::EnrollmentToken t{tenant_, sample_digest(random_), sample_time(9), 1, {}, sample_time(0)};
  auto add_token = [&] { return wait_for([&](auto done) { stores_->apps().add_token(t, done); }); };
  EXPECT_OK(add_token());
  EXPECT_CODE(add_token(), already_exists);
}

}  // namespace reachback::testing
