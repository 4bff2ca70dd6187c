#include "fleet/sim_agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fleet/addresses.h"
#include "protocol/signing.h"

namespace reachback::fleet {
namespace {

constexpr Duration kAwayMax = std::chrono::seconds(2);  // of one that flaps

Duration below(Random& random, Duration most) {
  return Duration(
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

// As the time between two of many things that happen by chance; bounded.
Duration by_chance(Random& random, Duration mean) {
  constexpr std::uint64_t kSteps = 1 << 20;
  const double share = static_cast<double>(random.below(kSteps) + 1) / kSteps;
  const double factor = std::min(-std::log(share), 5.0);
  return Duration(static_cast<std::int64_t>(static_cast<double>(mean.count()) * factor));
}

// A connection for uploads or downloads counts while it may be there.
class CountedClient : public net::HttpClient {
 public:
  CountedClient(std::unique_ptr<net::HttpClient> inner, DescriptorBudget& budget)
      : inner_(std::move(inner)), budget_(budget) {
    budget_.use();
  }
  ~CountedClient() override {
    inner_.reset();
    budget_.unuse();
  }
  void send(net::ClientRequest request, Done<net::ClientResponse> done) override {
    inner_->send(std::move(request), std::move(done));
  }

 private:
  std::unique_ptr<net::HttpClient> inner_;
  DescriptorBudget& budget_;
};

}  // namespace

class SimAgent::CountedDialer : public net::Dialer {
 public:
  CountedDialer(std::unique_ptr<net::Dialer> inner, DescriptorBudget& budget)
      : inner_(std::move(inner)), budget_(budget) {}
  net::Executor& loop() override { return inner_->loop(); }
  void web_socket(const std::string& url, net::Headers headers, Duration timeout,
                  Done<net::WebSocketAnswer> done) override {
    inner_->web_socket(url, std::move(headers), timeout, std::move(done));
  }
  std::unique_ptr<net::HttpClient> http(const net::Origin& origin) override {
    return std::make_unique<CountedClient>(inner_->http(origin), budget_);
  }

 private:
  std::unique_ptr<net::Dialer> inner_;
  DescriptorBudget& budget_;
};

std::string host_name(std::size_t index, Behaviour behaviour) {
  return fmt::format("fleet-{:05}-{}", index, text_of(behaviour));
}

SimAgent::SimAgent(LoopWorld& world, std::size_t index, Behaviour behaviour,
                   std::function<void()> settled)
    : world_(world),
      index_(index),
      behaviour_(behaviour),
      from_(world.sources == 0 ? std::string() : source_address(index, world.sources)),
      settled_(std::move(settled)),
      dialer_(std::make_unique<CountedDialer>(net::make_tls_dialer(world.loop, world.tls, from_),
                                              world.budget)),
      processes_(world.events, world.random, behaviour, world.pace, host_name(index, behaviour)) {}

SimAgent::~SimAgent() = default;

pb::Hello::Body SimAgent::facts() const {
  pb::Hello::Body out = world_.facts;
  out.set_host_name(host_name(index_, behaviour_));
  if (!from_.empty()) {
    auto* address = out.add_addresses();
    address->set_ip(from_);
    address->set_type(pb::ETHERNET);
    address->set_status(pb::STATUS_UP);
  }
  return out;
}

Result<void> SimAgent::start(std::string journal) {
  RB_TRY_ASSIGN(journal_, MemoryJournal::open(std::move(journal), world_.clock, world_.random));
  agent::Identity identity = world_.state.common();
  identity.key = world_.state.key(index_);
  identity.machine = protocol::machine_id_of(identity.key.public_key().spki());
  const MachineId machine = identity.machine;
  supervisor_ = std::make_unique<agent::AgentSupervisor>(
      std::move(identity),
      agent::SupervisorDeps{
          world_.events, processes_, journal_->get(), spool_, world_.clock, world_.random,
          world_.boot, [this] { return facts(); }, world_.state.contact(index_),
          [this](const std::string& contact) { return world_.state.set_contact(index_, contact); },
          [this](const agent::Identity& newer) { return world_.state.set_common(newer); }});
  RB_TRY(supervisor_->recover());
  observed_ = std::make_unique<ObservedSupervisor>(
      *supervisor_, machine, world_.stats, world_.rumours, world_.clock, world_.budget, settled_);
  spoken_to_ = observed_.get();
  if (behaviour_ == Behaviour::lying) {
    liar_ = std::make_unique<Liar>(*observed_, machine, world_.stats, world_.rumours, world_.clock,
                                   world_.random, world_.stranger);
    spoken_to_ = liar_.get();
  }
  connect();
  return {};
}

void SimAgent::connect() {
  session_ = std::make_unique<agent::Session>(agent::SessionDeps{
      *dialer_, *spoken_to_, world_.server, world_.random, [](const MachineId&) {}, [] {},
      [this](const std::string&) { ++world_.stats.dismissed; }});
  session_->start();
  if (behaviour_ == Behaviour::flapping) {
    flap_ = world_.loop.after(by_chance(world_.random, world_.pace.flap_mean), [this] { flap(); });
  }
}

// The connection goes at any moment: while it is made, in the middle of an upload. What runs goes
// on.
void SimAgent::flap() {
  session_.reset();
  spoken_to_->end_session();
  flap_ = world_.loop.after(below(world_.random, kAwayMax), [this] { connect(); });
}

std::string SimAgent::stop() {
  if (!supervisor_) {
    return {};
  }
  flap_.reset();
  session_.reset();
  spoken_to_->end_session();
  supervisor_->shut_down();
  return journal_->save(world_.clock.now());
}

}  // namespace reachback::fleet
