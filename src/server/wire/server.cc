#include "server/wire/server.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <future>
#include <thread>

#include "base/guarded_clocks.h"
#include "base/log.h"
#include "crypto/random.h"
#include "json/json.h"
#include "net/http_server.h"
#include "server/audit_file/audit_file.h"
#include "server/audit_file/reader.h"
#include "server/auth_jwt/assertion_verifier.h"
#include "server/auth_jwt/audiences.h"
#include "server/auth_jwt/issuer.h"
#include "server/auth_jwt/verifier.h"
#include "server/blob_fs/blob_fs.h"
#include "server/blob_http/blob_http.h"
#include "server/console/console_http.h"
#include "server/link/agent_api.h"
#include "server/notify_local/notify_local.h"
#include "server/passwords/argon2_passwords.h"
#include "server/rest/rest_api.h"
#include "server/service/blocking.h"
#include "server/signer/order_keyring.h"
#include "server/signer/socket_signer.h"
#include "server/store_sqlite/store_sqlite.h"
#include "server/wire/adapters.h"
#include "server/wire/admin.h"
#include "server/wire/admin_apps.h"
#include "server/wire/admin_socket.h"
#include "server/wire/admin_users.h"
#include "server/wire/audit_keeper.h"
#include "server/wire/config.h"
#include "server/wire/console_folder.h"
#include "server/wire/data_folder.h"
#include "server/wire/http_hook_sender.h"
#include "server/wire/jwks_source.h"
#include "server/wire/listener_options.h"
#include "server/wire/request_log.h"
#include "server/wire/revocations.h"
#include "server/wire/route_list.h"
#include "server/wire/server_certificate.h"
#include "server/wire/server_limits.h"
#include "server/wire/stored_rights.h"
#include "server/wire/version.h"
#include "server/wire/watched_disk.h"
#include "server/wire/webhook_reader.h"

namespace reachback::server {
namespace {

constexpr Duration kDrainGrace = std::chrono::seconds(10);
constexpr Duration kBrokenGrace = std::chrono::seconds(1);
constexpr Duration kReapEvery = std::chrono::seconds(1);
constexpr Duration kPurgeEvery = std::chrono::hours(1);
// As long as a token of theirs may be around, whatever a clock set back by hours thinks.
constexpr Duration kEndedGrantsKept = std::chrono::hours(24);
constexpr int kCertificateDays = 397;
constexpr Duration kRenewEvery = std::chrono::hours(12);

std::string host_of_address(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

// The names that the server's certificate is good for.
std::vector<std::string> certificate_names(const ServeOptions& options,
                                           const std::string& public_url,
                                           const std::vector<std::string>& alias_hosts) {
  std::vector<std::string> names;
  auto add = [&names](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  };
  if (!public_url.empty()) {
    add(host_of_public_url(public_url).value());
  }
  add(host_of_address(options.listen));
  add(host_of_address(options.agent_listen));
  for (const std::string& alias : alias_hosts) {
    add(alias.substr(0, alias.rfind(':')));
  }
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) == 0) {
    add(host);
  }
  for (const char* name : {"localhost", "127.0.0.1", "::1"}) {
    add(name);
  }
  return names;
}

std::size_t thread_count(const Config& config) {
  return config.threads > 0 ? config.threads
                            : std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
}

// Everything of one server, in the order in which it is built; taken down in reverse by stop().
class Server {
 public:
  static Result<std::unique_ptr<Server>> start(const ServeOptions& options) {
    std::unique_ptr<Server> s(new Server(options));
    RB_TRY(s->open());
    RB_TRY(s->listen());
    RB_TRY(s->build());
    s->begin();
    return s;
  }

  void announce() const {
    std::printf("agents %s\nready %s\n", agent_url_.c_str(), public_url_.c_str());
    std::fflush(stdout);
  }

  Result<void> stop() {
    log_info("draining");
    stopping_ = true;
    admin_.reset();
    live_response_->finish_waiting();
    hub_.end_all("the server is stopping");
    auto broken = given_up();
    public_server_->drain(broken ? kBrokenGrace : kDrainGrace);
    agent_server_->drain(broken ? kBrokenGrace : kDrainGrace);
    auto closed = take_down();
    return broken ? Result<void>(*broken) : closed;
  }

  ~Server() {
    stopping_ = true;
    if (auto closed = take_down(); !closed) {
      log_warning("not closed cleanly", {field("error", closed.error().message)});
    }
  }

 private:
  // From the stores outwards: each waits for what was asked of it and still answers on the loops;
  // what was made on a loop goes on that loop. Also for a start that failed half-way.
  Result<void> take_down() {
    admin_.reset();
    if (settings_) {
      settings_->webhooks->stop();
    }
    if (socket_signer_ != nullptr) {
      socket_signer_->stop();
    }
    if (loops_) {
      auto done = std::make_shared<std::promise<void>>();
      loops_->at(0).post([this, done] {
        jwks_.reset();
        hook_sender_.reset();
        if (scheduler_) {
          scheduler_->stop();
        }
        done->set_value();
      });
      done->get_future().get();
    }
    if (refusals_) {
      refusals_->flush();
    }
    keeper_.reset();
    if (background_) {
      background_->close();
    }
    passwords_.reset();  // its thread ends: nothing asks the store any more
    auto closed = store_ ? store_->close() : Result<void>();
    blobs_.reset();
    audit_.reset();
    public_server_.reset();
    agent_server_.reset();
    loops_.reset();
    return closed;
  }

  explicit Server(ServeOptions options) : options_(std::move(options)), paths_(options_.data) {}

  Result<void> open() {
    RB_TRY_ASSIGN(secrets_, load_data_folder(paths_));
    RB_TRY_ASSIGN(config_, load_config(options_.config, paths_.config()));
    RB_TRY_ASSIGN(lock_, lock_data_folder(paths_));
    SqliteStoreOptions store;
    store.path = paths_.database();
    store.now = [this] { return clock_.now(); };
    store.on_broken = [this](const Error& e) { give_up("database", e); };
    RB_TRY_ASSIGN(store_, SqliteStore::open(store));
    BlobFsOptions blobs;
    blobs.folder = paths_.blobs();
    blobs.account = secrets_.blob_account;
    blobs.account_keys.emplace_back(secrets_.blob_key);
    // What an upload link promises is what the store takes.
    RB_TRY_ASSIGN(LiveResponseLimits limits, live_response_limits(config_));
    blobs.limits.blob_bytes_max = limits.upload_bytes_max;
    RB_TRY_ASSIGN(blobs_, BlobFs::create(std::move(blobs),
                                         std::make_shared<WatchedDisk>(
                                             [this](const Error& e) { give_up("blobs", e); })));
    AuditFileOptions audit;
    audit.path = paths_.audit();
    audit.on_broken = [this](const Error& e) { give_up("audit file", e); };
    RB_TRY_ASSIGN(audit_, AuditFile::open(std::move(audit)));
    return {};
  }

  // F14: after a failed sync nobody knows what is on the disk; what a new process reads is the
  // truth. Ends the program in good order; whoever runs it starts it again.
  void give_up(const char* what, const Error& why) {
    {
      MutexLock lock(given_up_mutex_);
      if (given_up_) {
        return;
      }
      given_up_ =
          Error{why.code, std::string("ended after an I/O error (") + what + "): " + why.message +
                              "; start the server again, what was acknowledged is on disk"};
    }
    log_error("ending after an I/O error", {field("of", what), field("error", why.message)});
    ::kill(::getpid(), SIGTERM);
  }
  std::optional<Error> given_up() {
    MutexLock lock(given_up_mutex_);
    return given_up_;
  }

  Result<void> listen() {
    RB_TRY_ASSIGN(
        auto certificate,
        ServerCertificate::create(
            secrets_.ca, certificate_names(options_, secrets_.public_url, config_.alias_hosts),
            kCertificateDays, clock_));
    certificate_ = std::make_unique<ServerCertificate>(std::move(certificate));
    loops_ = std::make_unique<net::LoopPool>(thread_count(config_));
    RB_TRY_ASSIGN(net::HttpServerOptions http, http_options(config_));
    http.render_error = [this](int status, std::string_view message) {
      return render_error(status, message);
    };
    RB_TRY_ASSIGN(public_server_,
                  net::HttpServer::listen(
                      *loops_, options_.listen, certificate_->public_tls(), http,
                      [this](std::shared_ptr<net::Exchange> e) { handle_public(std::move(e)); }));
    RB_TRY_ASSIGN(agent_server_,
                  net::HttpServer::listen(
                      *loops_, options_.agent_listen, certificate_->agent_tls(), http,
                      [this](std::shared_ptr<net::Exchange> e) { handle_agent(std::move(e)); }));
    public_url_ =
        secrets_.public_url.empty() ? "https://" + public_server_->address() : secrets_.public_url;
    agent_url_ = "https://" + agent_server_->address();
    return {};
  }

  Result<void> build() {
    RB_TRY_ASSIGN(auto routes, all_routes(config_.profile));
    if (std::string broken = broken_row(routes); !broken.empty()) {
      return Error{Errc::internal, "route table: " + broken};
    }
    blobs_->set_bases(public_url_, agent_url_);
    std::vector<std::string> alias_urls;
    alias_urls.reserve(config_.alias_hosts.size());
    for (const std::string& host : config_.alias_hosts) {
      alias_urls.push_back("https://" + host);
    }
    audiences_ = std::make_unique<AudienceList>(public_url_, alias_urls);
    auto tenants = wait_for_tenants();
    if (!tenants || tenants->empty()) {
      return tenants ? Error{Errc::corrupt, paths_.database() + " holds no tenant"}
                     : tenants.error();
    }
    RB_TRY_ASSIGN(token_keys_, TokenKeyring::open(paths_.keys()));
    const std::vector<SigningKey> own_keys = token_keys_->signing_keys();
    issuer_ =
        std::make_unique<JwtIssuer>(own_keys.front(), public_url_, random_,
                                    std::vector<SigningKey>(own_keys.begin() + 1, own_keys.end()));
    VerifierOptions verifier;
    verifier.public_url = public_url_;
    verifier.own_keys = own_keys;
    for (const IssuerConfig& i : config_.issuers) {
      verifier.external.push_back(
          ExternalIssuer{i.issuer, tenants->front().id, i.audiences, i.claims});
    }
    verifier.on_unknown_key = [this](const std::string& issuer) { key_requests_.ask(issuer); };
    RB_TRY_ASSIGN(verifier_, JwtVerifier::create(std::move(verifier), *audiences_));
    RB_TRY(replay_revocations(
        paths_.revocations(), clock_.now(),
        [this](const AppId& app, Timestamp at) { verifier_->revoke_app(app, at); }));
    RB_TRY_ASSIGN(jwks_,
                  JwksSource::start(config_.issuers, *verifier_, key_requests_, loops_->at(0)));
    RB_TRY(make_signer());
    scheduler_ = std::make_unique<LoopScheduler>(loops_->at(0));
    RB_TRY_ASSIGN(LiveResponseLimits limits, live_response_limits(config_));
    live_response_ = LiveResponse::create(
        LiveResponseDeps{store_->actions(), store_->machines(), store_->library(), *blobs_,
                         notifier_, hub_, *signer_, *audit_, *scheduler_, deadline_clock_,
                         link_clock_, random_},
        limits, secrets_.blob_name_key);
    RB_TRY_ASSIGN(const InteractiveLimits interactive, interactive_limits(config_));
    interactive_ = std::make_unique<Interactive>(
        Interactive::Deps{store_->sessions(), store_->machines(), *live_response_, hub_,
                          *scheduler_, deadline_clock_, random_},
        interactive);
    library_ = Library::create(store_->library(), *blobs_, clock_, random_);
    machines_ = Machines::create(store_->machines(), hub_, clock_, device_groups_);
    RB_TRY_ASSIGN(assertions_, AssertionVerifier::create());
    RB_TRY_ASSIGN(AssertionLimits assertion_limits_of_profile, assertion_limits(config_));
    sign_in_ =
        SignIn::create(store_->apps(), *assertions_, *issuer_, clock_, assertion_limits_of_profile);
    RB_TRY(load_app_rates(store_->apps(), *tenants, app_rates_));
    RB_TRY(load_user_rights(store_->users(), *tenants, clock_.now() - kEndedGrantsKept,
                            user_rights_, device_groups_));
    passwords_ = std::make_unique<Argon2Passwords>(random_);
    RB_TRY_ASSIGN(UserAccessLimits user_limits, user_access_limits(config_));
    user_access_ =
        std::make_unique<UserAccess>(UserAccess::Deps{store_->apps(), store_->users(), *passwords_,
                                                      user_rights_, *issuer_, clock_, random_},
                                     user_limits);
    refusals_ = std::make_unique<RefusalTally>(*audit_, *scheduler_, clock_);
    RB_TRY(make_settings(tenants->front().id));
    rest::RestOptions rest;
    rest.public_url = public_url_;
    for (const Tenant& t : *tenants) {
      rest.tenants.push_back(t.id);
    }
    rest.alias_hosts = config_.alias_hosts;
    rest.profile = config_.profile;
    rest.limits_enabled = config_.limits_enabled;
    rest.rate_factor = config_.rate_factor;
    rest.strict = config_.strict;
    rest.read_all_results = config_.read_all_results;
    rest.agents_url = agent_url_;
    rest.ca_pem = secrets_.ca.certificate;
    RB_TRY_ASSIGN(rest_, rest::RestApi::create(
                             rest::RestDeps{*live_response_, *interactive_, *library_, *machines_,
                                            *sign_in_, *verifier_, *issuer_, *audiences_, *audit_,
                                            *refusals_, clock_, random_, app_rates_, *user_access_,
                                            *background_, *settings_, *activity_},
                             std::move(rest)));
    RB_TRY_ASSIGN(ConsoleFiles console, load_console(config_));
    console_ = std::make_unique<ConsoleHttp>(
        std::move(console),
        ConsoleHttp::Deps{store_->apps(),
                          [this](const net::Request& r) { return rest_->base_for(r); },
                          [this](int status, std::string_view message) {
                            return rest_->render_error(status, message);
                          }},
        ConsoleSettings{tenants->front().id, agent_url_, kVersion,
                        std::string(rest::name_of(config_.profile))});
    blob_http_ = std::make_unique<BlobHttp>(*blobs_, *audit_, link_clock_, random_);
    AgentApiOptions agents;
    RB_TRY_ASSIGN(agents.session, session_limits(config_));
    agents.refusals = refusals_.get();
    agent_api_ = std::make_unique<AgentApi>(SessionDeps{hub_, store_->machines(), *live_response_,
                                                        clock_, random_, *audit_, *order_keys_},
                                            *machines_, agents);
    RB_TRY_ASSIGN(admin_,
                  AdminSocket::listen(paths_.admin_socket(), [this](std::string_view request) {
                    return administer_in_turn(request);
                  }));
    json::Object addresses{{"publicUrl", public_url_},
                           {"agentUrl", agent_url_},
                           {"listen", public_server_->address()},
                           {"agentListen", agent_server_->address()}};
    return write_file_durably(paths_.addresses(), json::write(addresses), 0644);
  }

  // Webhooks of the settings file; there may be none.
  Result<std::shared_ptr<Webhooks>> make_webhooks(const TenantId& tenant) {
    RB_TRY_ASSIGN(hook_sender_, HttpHookSender::create(loops_->at(0), config_.webhooks));
    std::vector<WebhookConfig> hooks;
    for (const WebhookTarget& t : config_.webhooks) {
      RB_TRY_ASSIGN(const net::Url url, net::parse_url(t.url));
      RB_TRY_ASSIGN(std::string secret, read_webhook_secret(t.secret_file));
      // What stands behind the host may be a secret of the receiver's.
      hooks.push_back({t.name, t.url.substr(0, t.url.size() - url.target.size()), t.events,
                       Secret(std::move(secret))});
    }
    auto out =
        Webhooks::create({store_->webhooks(), *hook_sender_, *scheduler_, deadline_clock_, random_,
                          [this, tenant](const std::string& type, const std::string& object,
                                         Done<std::string> done) {
                            rest_->describe_event(tenant, type, object, std::move(done));
                          }},
                         tenant, std::move(hooks));
    RB_TRY(wait<void>([&](const auto& done) { out->set_hooks(done); }));
    notifier_.on_end([hooks = out.get()] { hooks->hint(); });
    return out;
  }

  // Settings: the same for the commands of the administrator and for the API.
  Result<void> make_settings(const TenantId& tenant) {
    admin_deps_ =
        std::make_unique<AdminDeps>(AdminDeps{store_->apps(), clock_, random_, paths_.revocations(),
                                              verifier_.get(), &clock_, &store_->machines()});
    AdminDeps& deps = *admin_deps_;
    deps.users = &store_->users();
    deps.passwords = passwords_.get();
    deps.user_rights = &user_rights_;
    deps.device_groups = &device_groups_;
    deps.keyring = keyring_.get();
    deps.token_keys = token_keys_.get();
    deps.audit = audit_.get();
    deps.on_token_keys_changed = [this] { take_token_keys(); };
    deps.on_order_keys_changed = [this] { announce_order_keys(); };
    deps.on_app_limits = [this](const TenantId& t, const AppId& app, std::uint32_t factor) {
      app_rates_.set(t, app, factor);
    };
    deps.on_machine_cleared = [this](const MachineId& id) {
      hub_.end_one(id, "an operator has cleared this machine");
    };
    RB_TRY_ASSIGN(std::shared_ptr<Webhooks> webhooks, make_webhooks(tenant));
    settings_ = std::make_unique<Settings>(
        Settings{tenant, app_settings(deps, tenant), user_settings(deps, tenant),
                 EnrollmentSettings(store_->apps(), clock_, random_, tenant), std::move(webhooks)});
    RB_TRY_ASSIGN(auto limits, rest::Limits::load());
    background_ =
        std::make_unique<BackgroundThread>(limits.value(config_.profile, "background_waiting"));
    access_records_ =
        std::make_unique<AuditFileReader>(paths_.audit(), [this] { return audit_->bytes(); });
    activity_ = std::make_unique<Activity>(Activity::Deps{store_->audit_rows(), *access_records_,
                                                          store_->actions(), store_->machines()},
                                           limits.value(config_.profile, "audit_scan"));
    return {};
  }

  // Changes of settings are made one after the other, whichever way they come.
  std::string administer_in_turn(std::string_view request) {
    auto answer = std::make_shared<std::promise<std::string>>();
    const bool taken = background_->post([this, answer, text = std::string(request)] {
      answer->set_value(administer(*admin_deps_, text));
    });
    return taken ? answer->get_future().get()
                 : R"({"error":"the server has too much to do, try again"})";
  }

  // The keys of this process, or the socket of the one that holds them.
  Result<void> make_signer() {
    if (config_.signer_socket.empty()) {
      RB_TRY_ASSIGN(keyring_, OrderKeyring::open(paths_.keys()));
      signer_ = std::make_unique<LocalOrderSigner>(*keyring_);
      order_keys_ = keyring_.get();
      return {};
    }
    SocketSignerOptions options;
    options.socket = config_.signer_socket;
    options.on_keys_changed = [this] { announce_order_keys(); };
    auto signer = std::make_unique<SocketSigner>(std::move(options));
    socket_signer_ = signer.get();
    order_keys_ = signer.get();
    signer_ = std::move(signer);
    return {};
  }

  // What is to be signed with a new key is believed before anything is.
  void take_token_keys() {
    const std::vector<SigningKey> keys = token_keys_->signing_keys();
    verifier_->set_own_keys(keys);
    issuer_->set_keys(keys);
  }

  void announce_order_keys() {
    if (!ready_) {
      return;  // Nobody is connected yet, and order_keys_ may not be set.
    }
    pb::ToAgent message;
    *message.mutable_order_keys() = order_keys_->announcement();
    if (message.order_keys().signatures_size() > 0) {
      hub_.send_all(message);
    }
  }

  void begin() {
    AuditKeeperOptions keeper;
    keeper.target = config_.audit_export;
    keeper.every = config_.audit_every.value_or(keeper.every);
    keeper_ = std::make_unique<AuditKeeper>(std::move(keeper), *store_, *audit_, clock_);
    ready_ = true;
    settings_->webhooks->start();
    reap();
    purge();
    renew_certificate();
  }

  Result<std::vector<Tenant>> wait_for_tenants() {
    return wait<std::vector<Tenant>>([&](const auto& done) { store_->apps().tenants(done); });
  }

  void forget_old_grants() {
    const Timestamp before = clock_.now() - kEndedGrantsKept;
    user_rights_.forget_ended(before);
    store_->users().forget_grants(before, [](const Result<void>& forgotten) {
      if (!forgotten) {
        log_warning("old grants not forgotten", {field("error", forgotten.error().message)});
      }
    });
  }

  void reap() {
    live_response_->reap([this](const Result<std::size_t>& ended) {
      if (!ended) {
        log_warning("reaper", {field("error", ended.error().message)});
      }
      if (!stopping_) {
        scheduler_->after(kReapEvery, [this] { reap(); });
      }
    });
    interactive_->end_idle([](const Result<std::size_t>& ended) {
      if (!ended) {
        log_warning("idle sessions not ended", {field("error", ended.error().message)});
      }
    });
  }

  void purge() {
    if (stopping_) {
      return;
    }
    if (auto purged = blobs_->purge_staging(clock_.now()); !purged) {
      log_warning("staging not purged", {field("error", purged.error().message)});
    }
    forget_old_grants();
    scheduler_->after(kPurgeEvery, [this] { purge(); });
  }

  void renew_certificate() {
    if (stopping_) {
      return;
    }
    auto renewed = certificate_->renew_if_due();
    if (!renewed) {
      log_error("TLS certificate not renewed",
                {field("alarm", "certificate"), field("error", renewed.error().message)});
    } else if (*renewed) {
      log_info("TLS certificate renewed");
    }
    scheduler_->after(kRenewEvery, [this] { renew_certificate(); });
  }

  void handle_public(std::shared_ptr<net::Exchange> exchange) {
    log_request(exchange->request());
    if (!ready_) {
      exchange->respond(not_ready());
    } else if (blob_http_->handles(exchange->request().path())) {
      blob_http_->handle(std::move(exchange), BlobHttp::Side::public_url);
    } else if (console_->handles(exchange->request().path())) {
      console_->handle(exchange);
    } else {
      rest_->handle(std::move(exchange));
    }
  }

  void handle_agent(std::shared_ptr<net::Exchange> exchange) {
    if (!ready_) {
      exchange->respond(not_ready());
    } else if (blob_http_->handles(exchange->request().path())) {
      blob_http_->handle(std::move(exchange), BlobHttp::Side::agents);
    } else {
      agent_api_->handle(exchange);
    }
  }

  static net::Response not_ready() {
    net::Response r;
    r.status = 503;
    r.headers.add("Retry-After", "1");
    r.close = true;
    return r;
  }

  net::Response render_error(int status, std::string_view message) {
    if (ready_) {
      return rest_->render_error(status, message);
    }
    net::Response r = not_ready();
    r.status = status;
    return r;
  }

  ServeOptions options_;
  DataPaths paths_;
  SystemClock clock_;
  SlewedClock deadline_clock_{clock_};
  LatestClock link_clock_{clock_};
  crypto::SystemRandom random_;
  DataSecrets secrets_;
  Config config_;
  Fd lock_;
  std::string public_url_, agent_url_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> stopping_{false};
  Mutex given_up_mutex_;
  std::optional<Error> given_up_ RB_GUARDED_BY(given_up_mutex_);
  AppRates app_rates_;
  DeviceGroups device_groups_;  // filled from the store's
  LocalNotifier notifier_;
  AgentHub hub_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<BlobFs> blobs_;
  std::unique_ptr<AuditFile> audit_;
  std::unique_ptr<RefusalTally> refusals_;
  std::unique_ptr<AuditKeeper> keeper_;
  std::unique_ptr<AudienceList> audiences_;
  std::unique_ptr<AssertionVerifier> assertions_;
  KeyRequests key_requests_;
  std::unique_ptr<TokenKeyring> token_keys_;
  std::unique_ptr<JwtIssuer> issuer_;
  std::unique_ptr<JwtVerifier> verifier_;
  std::unique_ptr<OrderKeyring> keyring_;  // null: another process holds the keys
  std::unique_ptr<OrderSigner> signer_;
  SocketSigner* socket_signer_ = nullptr;  // signer_, when it is one
  OrderKeys* order_keys_ = nullptr;
  std::unique_ptr<LoopScheduler> scheduler_;
  std::unique_ptr<LiveResponse> live_response_;
  std::unique_ptr<Interactive> interactive_;
  std::unique_ptr<Library> library_;
  std::unique_ptr<Machines> machines_;
  std::unique_ptr<SignIn> sign_in_;
  UserRights user_rights_{device_groups_};
  std::unique_ptr<Argon2Passwords> passwords_;
  std::unique_ptr<UserAccess> user_access_;
  std::unique_ptr<AdminDeps> admin_deps_;
  std::unique_ptr<Settings> settings_;
  std::unique_ptr<AuditFileReader> access_records_;
  std::unique_ptr<Activity> activity_;
  std::unique_ptr<BackgroundThread> background_;
  std::unique_ptr<rest::RestApi> rest_;
  std::unique_ptr<ConsoleHttp> console_;
  std::unique_ptr<BlobHttp> blob_http_;
  std::unique_ptr<AgentApi> agent_api_;
  std::unique_ptr<ServerCertificate> certificate_;
  std::unique_ptr<net::LoopPool> loops_;
  std::unique_ptr<net::HttpServer> public_server_;
  std::unique_ptr<net::HttpServer> agent_server_;
  std::unique_ptr<JwksSource> jwks_;
  std::unique_ptr<HttpHookSender> hook_sender_;
  std::unique_ptr<AdminSocket> admin_;
};

}  // namespace

Result<void> serve_until_signal(const ServeOptions& options) {
  // Blocked before any thread starts, so that only sigwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  RB_TRY_ASSIGN(auto server, Server::start(options));
  server->announce();
  int received = 0;
  sigwait(&signals, &received);
  return server->stop();
}

}  // namespace reachback::server
