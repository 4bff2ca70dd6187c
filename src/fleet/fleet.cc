#include "fleet/fleet.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "agent/os_linux/machine.h"
#include "base/mutex.h"
#include "crypto/random.h"
#include "fleet/addresses.h"
#include "fleet/descriptors.h"
#include "fleet/enroll.h"
#include "fleet/part.h"

namespace reachback::fleet {
namespace {

constexpr Duration kEvery = std::chrono::seconds(1);

double seconds(Duration d) {
  return static_cast<double>(d.count()) / 1e6;
}

void say(std::FILE* out, const std::string& line) {
  std::fprintf(out, "%s\n", line.c_str());
  std::fflush(out);
}

void say_enrolled(std::FILE* out, std::size_t agents, Duration took) {
  const double passed = std::max(seconds(took), 1e-3);
  say(out, fmt::format(R"({{"enrolled":{},"seconds":{:.3f},"enrolledPerSecond":{:.0f}}})", agents,
                       passed, static_cast<double>(agents) / passed));
}

// The machine that all of them are, but for name and address.
pb::Hello::Body shared_facts() {
  pb::Hello::Body facts = agent::read_machine_facts();
  facts.clear_addresses();
  facts.set_agent_version(REACHBACK_VERSION " (simulated)");
  return facts;
}

class Fleet {
 public:
  Fleet(const FleetOptions& options, FleetState& state,
        const std::shared_ptr<net::TlsClientContext>& tls, const net::Origin& server,
        std::size_t sources, std::uint64_t descriptors, const BootId& boot, std::FILE* out)
      : options_(options), state_(state), out_(out), pool_(options.threads) {
    const auto budget = static_cast<std::int64_t>(descriptors / options.threads);
    const auto stranger = crypto::Ed25519PrivateKey::generate();
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      net::Loop& loop = pool_.at(i);
      worlds_.push_back(std::unique_ptr<LoopWorld>(new LoopWorld{
          loop, agent::LoopEvents(loop), state, stats_, rumours_, random_, clock_, tls, server,
          sources, options.pace, boot, shared_facts(), stranger, DescriptorBudget(budget)}));
    }
  }

  Result<FleetEnd> run(std::vector<std::string> journals) {
    make_parts(journals);
    began_ = clock_.since_boot();
    main_.on_signals({SIGTERM, SIGINT}, [this](int) { main_.stop(); });
    std::unique_ptr<net::Timer> over;
    if (options_.run_for > Duration(0)) {
      over = main_.after(options_.run_for, [this] { main_.stop(); });
    }
    tick_later();
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      pool_.at(i).post([this, &part = *parts_[i]] {
        part.start([this](const Error& why) {
          main_.post([this, why] {
            outcome_ = why;
            main_.stop();
          });
        });
      });
    }
    main_.run();
    tick_.reset();
    stop_parts(journals);
    tell();
    RB_TRY(state_.save_journals(journals));
    RB_TRY(outcome_);
    return stats_.lies_believed > 0 ? FleetEnd::lie_believed : FleetEnd::clean;
  }

 private:
  void make_parts(std::vector<std::string>& journals) {
    const auto behaviours = assign(options_.mix, options_.agents);
    std::vector<std::vector<Member>> members(pool_.size());
    for (std::size_t i = 0; i < options_.agents; ++i) {
      members[i % members.size()].push_back({i, behaviours[i], std::exchange(journals[i], {})});
    }
    const std::size_t at_once = std::max<std::size_t>(options_.connecting / pool_.size(), 1);
    for (std::size_t i = 0; i < members.size(); ++i) {
      parts_.push_back(std::make_unique<Part>(*worlds_[i], std::move(members[i]), at_once));
    }
  }

  // On their own threads; returns when all are done.
  void stop_parts(std::vector<std::string>& journals) {
    Mutex mutex;
    Condition changed;
    std::size_t left = parts_.size();
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      pool_.at(i).post([&, &part = *parts_[i]] {
        auto stopped = part.stop();
        MutexLock lock(mutex);
        for (auto& [index, journal] : stopped) {
          journals[index] = std::move(journal);
        }
        --left;
        changed.notify_one();
      });
    }
    MutexLock lock(mutex);
    while (left > 0) {
      changed.wait(lock);
    }
  }

  void tick_later() {
    tick_ = main_.after(kEvery, [this] {
      tell();
      tick_later();
    });
  }

  void tell() {
    say(out_, report_line(stats_, options_.agents, seconds(clock_.since_boot() - began_), before_));
  }

  const FleetOptions& options_;
  FleetState& state_;
  std::FILE* out_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  Stats stats_;
  Rumours rumours_;
  Moment before_;
  Duration began_{};
  Result<void> outcome_;
  std::vector<std::unique_ptr<LoopWorld>> worlds_;
  std::vector<std::unique_ptr<Part>> parts_;
  net::LoopPool pool_;  // below all that what still waits on the loops may look at: it goes first
  net::Loop main_;
  std::unique_ptr<net::Timer> tick_;
};

Result<net::Origin> read_server(const std::string& text) {
  const auto url = net::parse_url(text);
  if (!url.ok() || url->origin.scheme != "https") {
    return Error{Errc::invalid_input, "--server " + text + ": not an https:// address"};
  }
  return url->origin;
}

Result<std::shared_ptr<net::TlsClientContext>> read_ca(const std::string& pem,
                                                       const std::string& file) {
  auto tls = net::TlsClientContext::create(pem, net::TlsVersions::tls13_only);
  return tls.ok() ? std::move(tls) : tls.error().in("--ca " + file);
}

// What is given is looked at before anything of it is kept.
Result<FleetServer> read_given(const FleetOptions& options) {
  FleetServer out{options.server, {}, options.token};
  if (!options.server.empty()) {
    RB_TRY(read_server(options.server));
  }
  if (!options.ca_file.empty()) {
    RB_TRY_ASSIGN(out.ca_pem, read_file(options.ca_file, 1 << 20));
    RB_TRY(read_ca(out.ca_pem, options.ca_file));
  }
  return out;
}

}  // namespace

Result<FleetEnd> run_fleet(const FleetOptions& options, std::FILE* out) {
  ::signal(SIGPIPE, SIG_IGN);
  RB_TRY_ASSIGN(const std::uint64_t limit, raise_descriptor_limit());
  RB_TRY_ASSIGN(const std::uint64_t descriptors, descriptors_left(options.agents, limit));
  RB_TRY_ASSIGN(const BootId boot, agent::read_boot_id());
  crypto::SystemRandom random;
  RB_TRY_ASSIGN(const FleetServer given, read_given(options));
  RB_TRY_ASSIGN(const auto state, FleetState::open(options.state_folder, given, random));
  RB_TRY_ASSIGN(const net::Origin server, read_server(state->server().url));
  const std::string ca_file =
      options.ca_file.empty() ? options.state_folder + "/ca.pem" : options.ca_file;
  RB_TRY_ASSIGN(const auto tls, read_ca(state->server().ca_pem, ca_file));
  RB_TRY(state->resize(options.agents));
  std::size_t sources = options.sources == 0 ? options.agents : options.sources;
  sources = takes_loopback_sources(server.host) ? std::min(sources, kSourcesMax) : 0;

  SystemClock clock;
  const Duration began = clock.since_boot();
  EnrollOptions enrolling;
  enrolling.agents = options.agents;
  enrolling.at_once = std::min(enrolling.at_once, options.connecting);
  enrolling.sources = sources;
  enrolling.ca_file = ca_file;
  enrolling.host_name = [behaviours = assign(options.mix, options.agents)](std::size_t index) {
    return host_name(index, behaviours[index]);
  };
  RB_TRY_ASSIGN(const std::size_t enrolled, enroll_missing(*state, tls, enrolling, random));
  if (enrolled > 0) {
    say_enrolled(out, enrolled, clock.since_boot() - began);
  }
  if (options.enroll_only) {
    return FleetEnd::clean;
  }
  RB_TRY_ASSIGN(auto journals, state->take_journals());
  Fleet fleet(options, *state, tls, server, sources, descriptors, boot, out);
  return fleet.run(std::move(journals));
}

}  // namespace reachback::fleet
