#include "server/console/console_http.h"

#include <gtest/gtest.h>

#include "json/json.h"
#include "server/ports/console_app.h"
#include "testing/fake_clock.h"
#include "testing/fake_exchange.h"
#include "testing/fake_stores.h"
#include "testing/seeded_random.h"
#include "testing/temporary_folder.h"
#include "testing/wait_for.h"

namespace reachback::server {
namespace {

using testing::wait_for;

const std::string kScript(5000, 'x');

class Console : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_folder(folder_ / "assets").ok());
    ASSERT_TRUE(write_file_durably(folder_ / "index.html", "<!doctype html>page").ok());
    ASSERT_TRUE(write_file_durably(folder_ / "assets/index-BQPugZP4.js", kScript).ok());
    auto files = ConsoleFiles::load(folder_.path(), {1 << 20, 10});
    ASSERT_TRUE(files.ok());
    serve(std::move(*files));
    ASSERT_TRUE(wait_for([&](auto d) { stores_.apps().add_tenant({tenant_, "t"}, d); }).ok());
    ASSERT_TRUE(wait_for([&](auto d) {
                  stores_.apps().add_app(console_app(tenant_, clock_.now()), d);
                }).ok());
  }
  void serve(ConsoleFiles files) {
    console_ = std::make_unique<ConsoleHttp>(
        std::move(files),
        ConsoleHttp::Deps{
            stores_.apps(),
            [](const net::Request& r) { return "https://" + std::string(*r.headers.get("Host")); },
            [](int status, std::string_view message) {
              net::Response out;
              out.status = status;
              out.headers.add("X-Content-Type-Options", "nosniff");
              out.body = message;
              return out;
            }},
        ConsoleSettings{tenant_, "https://agents.example:8444", "9.9", "2026"});
  }
  net::Response get(const std::string& target, net::Headers headers = {},
                    const std::string& method = "GET") {
    net::Request request;
    request.method = method;
    request.target = target;
    request.headers = std::move(headers);
    auto exchange = std::make_shared<testing::FakeExchange>(std::move(request));
    EXPECT_TRUE(console_->handles(exchange->request().path())) << target;
    console_->handle(exchange);
    return exchange->wait().value_or(net::Response());
  }
  static net::Headers with(const std::string& name, const std::string& value) {
    net::Headers headers;
    headers.add(name, value);
    return headers;
  }
  static std::string header(const net::Response& r, std::string_view name) {
    return std::string(r.headers.get(name).value_or(""));
  }

  testing::TemporaryFolder folder_;
  testing::FakeStores stores_;
  testing::FakeClock clock_{*parse_time("2026-01-01T00:00:00Z")};
  testing::SeededRandom random_{1};
  TenantId tenant_ = TenantId::make(random_);
  std::unique_ptr<ConsoleHttp> console_;
};

TEST_F(Console, the_bare_address_leads_to_the_console) {
  for (const char* path : {"/", "/console", "/?x=1"}) {
    auto r = get(path);
    EXPECT_EQ(r.status, 302) << path;
    EXPECT_EQ(header(r, "Location"), "/console/") << path;
  }
  for (const char* other : {"/api/machines", "/consolex", "/Console/", "//console/", "/x", ""}) {
    EXPECT_FALSE(console_->handles(other)) << other;
  }
}

TEST_F(Console, every_answer_carries_the_strict_policy) {
  for (const char* path : {"/", "/console/", "/console/config.json", "/console/assets/none.js",
                           "/console/assets/index-BQPugZP4.js"}) {
    auto r = get(path);
    EXPECT_EQ(header(r, "Content-Security-Policy"),
              "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
              "font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
              "base-uri 'none'")
        << path;
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"X-Content-Type-Options", "nosniff"},
             {"Referrer-Policy", "no-referrer"},
             {"Cross-Origin-Opener-Policy", "same-origin"},
             {"Cross-Origin-Resource-Policy", "same-origin"},
             {"X-Frame-Options", "DENY"}}) {
      EXPECT_EQ(header(r, name), value) << path;
      EXPECT_EQ(r.headers.count(name), 1u) << path << " " << name;
    }
  }
}

TEST_F(Console, pages_are_asked_for_again_and_what_has_a_hash_in_its_name_is_kept) {
  auto page = get("/console/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<!doctype html>page");
  EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
  auto script = get("/console/assets/index-BQPugZP4.js");
  EXPECT_EQ(script.body, kScript);
  EXPECT_EQ(header(script, "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(header(script, "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header(script, "Vary"), "Accept-Encoding");
  auto head = get("/console/", {}, "HEAD");
  EXPECT_TRUE(head.head_only);
  EXPECT_EQ(head.status, 200);
}

TEST_F(Console, an_address_that_is_no_file_is_a_page_of_the_console_unless_it_names_an_asset) {
  for (const char* page : {"/console/machines/4899036531e374137f63289c3267bad772c13fef",
                           "/console/signed-in?code=x&state=y", "/console/library/triage.sh",
                           "/console/library/caf%C3%A9", "/console/settings/"}) {
    auto r = get(page);
    EXPECT_EQ(r.status, 200) << page;
    EXPECT_EQ(r.body, "<!doctype html>page") << page;
  }
  for (const char* none :
       {"/console/none.js", "/console/assets/none", "/console/favicon.ico",
        "/console/assets/index-BQPugZP4.js/", "/console/Index.html", "/console//",
        "/console/a/../../etc/passwd", "/console/%2e%2e/etc/passwd", "/console/a%2fb",
        "/console/a%5cb", "/console/a%00b", "/console/%ff", "/console/%", "/console/a;b"}) {
    EXPECT_EQ(get(none).status, 404) << none;
  }
}

TEST_F(Console, who_takes_gzip_gets_it_under_a_tag_of_its_own) {
  auto plain = get("/console/assets/index-BQPugZP4.js");
  auto gzip = get("/console/assets/index-BQPugZP4.js", with("Accept-Encoding", "br, gzip;q=0.5"));
  EXPECT_EQ(header(gzip, "Content-Encoding"), "gzip");
  EXPECT_LT(gzip.body.size(), 200u);
  EXPECT_NE(header(gzip, "ETag"), header(plain, "ETag"));
  EXPECT_EQ(header(plain, "Content-Encoding"), "");
  auto same = get("/console/assets/index-BQPugZP4.js",
                  with("If-None-Match", "\"x\", W/" + header(plain, "ETag")));
  EXPECT_EQ(same.status, 304);
  EXPECT_TRUE(same.body.empty());
  EXPECT_EQ(header(same, "ETag"), header(plain, "ETag"));
  EXPECT_EQ(
      get("/console/assets/index-BQPugZP4.js", with("If-None-Match", header(gzip, "ETag"))).status,
      200)
      << "the tag of other bytes";
}

TEST(TakesGzip, follows_the_weights_of_the_codings) {
  for (const char* yes : {"gzip", "GZip", "deflate,gzip", "gzip;q=1.0", "*", "br ; q=1, x-gzip",
                          "gzip; q=0.001", "*;q=0, gzip"}) {
    EXPECT_TRUE(takes_gzip(yes)) << yes;
  }
  for (const char* no : {"", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "*, gzip;q=0", "gzipx",
                         ",,,", "identity"}) {
    EXPECT_FALSE(takes_gzip(no)) << no;
  }
}

TEST_F(Console, the_configuration_names_the_address_that_was_called) {
  auto r = get("/console/config.json", with("Host", "soc.example:8443"));
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(header(r, "Cache-Control"), "no-store");
  const json::Value value = *json::parse(r.body);
  const json::Object& o = value.get_object();
  auto text = [&o](const char* key) { return std::string(o.at(key).as_string().c_str()); };
  EXPECT_EQ(text("tenantId"), tenant_.text());
  EXPECT_EQ(text("clientId"), console_app_id().text());
  EXPECT_EQ(text("publicUrl"), "https://soc.example:8443");
  EXPECT_EQ(text("authority"), "https://soc.example:8443/" + tenant_.text() + "/v2.0");
  EXPECT_EQ(text("resource"), "https://api.securitycenter.microsoft.com");
  EXPECT_EQ(text("agentsUrl"), "https://agents.example:8444");
  EXPECT_EQ(text("version"), "9.9");
  EXPECT_EQ(text("profile"), "2026");
  EXPECT_EQ(o.size(), 8u);
}

TEST_F(Console, without_its_application_the_configuration_is_not_there_and_says_what_helps) {
  ASSERT_TRUE(
      wait_for([&](auto d) { stores_.apps().remove_app(tenant_, console_app_id(), d); }).ok());
  auto r = get("/console/config.json");
  EXPECT_EQ(r.status, 404);
  EXPECT_NE(r.body.find("app console"), std::string::npos);
  EXPECT_EQ(get("/console/").status, 200) << "the page itself shows why";
}

TEST_F(Console, a_store_that_does_not_answer_is_503) {
  stores_.directory().app_faults().fail_next(Error{Errc::unavailable, "down"});
  EXPECT_EQ(get("/console/config.json").status, 503);
}

TEST_F(Console, only_reading_is_served) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"}) {
    auto r = get("/console/", {}, method);
    EXPECT_EQ(r.status, 405) << method;
    EXPECT_EQ(header(r, "Allow"), "GET, HEAD") << method;
  }
}

TEST_F(Console, where_it_is_not_installed_a_page_says_how_to_install_it) {
  serve(ConsoleFiles());
  auto r = get("/console/");
  EXPECT_EQ(r.status, 404);
  EXPECT_NE(r.body.find("./dev console build"), std::string::npos);
  EXPECT_EQ(header(r, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(get("/console/config.json").status, 200);
}

}  // namespace
}  // namespace reachback::server
