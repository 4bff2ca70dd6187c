#include "server/wire/jwks_source.h"

#include "base/log.h"
#include "json/json.h"

namespace reachback::server {
namespace {

constexpr std::uint64_t kDocumentBytesMax = 1 << 20;
constexpr std::string_view kSystemCas = "/etc/ssl/certs/ca-certificates.crt";

bool is_local(std::string_view host) {
  return host == "127.0.0.1" || host == "localhost" || host == "::1";
}

Result<void> check_address(const std::string& url) {
  RB_TRY_ASSIGN(net::Url parsed, net::parse_url(url));
  if (parsed.origin.scheme != "https" && !is_local(parsed.origin.host)) {
    return Error{Errc::invalid_input, "issuers: " + url + " is not https"};
  }
  return {};
}

// Source: OpenID Connect Discovery 1.0 §4.1: a slash at the issuer's end does not count.
std::string discovery_address(std::string issuer) {
  if (issuer.ends_with('/')) {
    issuer.pop_back();
  }
  return issuer + "/.well-known/openid-configuration";
}

}  // namespace

Result<std::unique_ptr<JwksSource>> JwksSource::start(std::vector<IssuerConfig> issuers,
                                                      JwtVerifier& verifier, KeyRequests& requests,
                                                      net::Loop& loop, JwksTimes times) {
  std::unique_ptr<JwksSource> out(new JwksSource(verifier, requests, loop, times));
  for (IssuerConfig& issuer : issuers) {
    if (!issuer.jwks_file.empty()) {
      RB_TRY_ASSIGN(std::string text, read_file(issuer.jwks_file, kDocumentBytesMax));
      if (auto set = verifier.set_jwks(issuer.issuer, text); !set) {
        return set.error().in(issuer.jwks_file);
      }
      continue;
    }
    RB_TRY(check_address(issuer.jwks_url.empty() ? issuer.issuer : issuer.jwks_url));
    auto f = std::make_unique<Fetch>();
    auto ca = read_file(issuer.ca_file.empty() ? std::string(kSystemCas) : issuer.ca_file);
    if (ca) {
      RB_TRY_ASSIGN(f->tls, net::TlsClientContext::create(*ca, net::TlsVersions::tls12_and_13));
    } else if (!issuer.ca_file.empty()) {
      return ca.error().in("issuers: ca_file");
    }
    f->config = std::move(issuer);
    out->fetches_.push_back(std::move(f));
  }
  for (auto& f : out->fetches_) {
    out->post([raw = out.get(), fetch = f.get()] { raw->refresh(*fetch); });
  }
  requests.listen([raw = out.get()](const std::string& issuer) { raw->want(issuer); });
  return out;
}

JwksSource::~JwksSource() {
  requests_.listen({});
}

void JwksSource::post(std::function<void()> work) {
  loop_.post([alive = std::weak_ptr<int>(alive_), work = std::move(work)] {
    if (!alive.expired()) {
      work();
    }
  });
}

void JwksSource::want(const std::string& issuer) {
  for (const auto& f : fetches_) {
    if (f->config.issuer == issuer && !f->asked.exchange(true)) {
      post([this, fetch = f.get()] { fetch_if_asked(*fetch); });
    }
  }
}

void JwksSource::fetch_if_asked(Fetch& f) {
  if (f.busy || f.resting || !f.asked) {
    return;  // The fetch that goes on is what is asked for; after the rest it is looked at again.
  }
  f.asked = false;
  f.resting = true;
  f.floor_timer = loop_.after(times_.floor, [this, &f] {
    f.resting = false;
    post([this, &f] { fetch_if_asked(f); });
  });
  refresh(f);
}

void JwksSource::refresh_if_idle(Fetch& f) {
  if (!f.busy) {
    refresh(f);
  }
}

void JwksSource::get(Fetch& f, const std::string& url,
                     std::function<void(Result<std::string>)> done) {
  auto parsed = net::parse_url(url);
  if (auto ok = check_address(url); !ok || !parsed) {
    done(ok ? parsed.error() : ok.error());
    return;
  }
  f.client = net::HttpClient::create(loop_, parsed->origin, f.tls);
  net::ClientRequest request;
  request.target = parsed->target;
  request.body_bytes_max = kDocumentBytesMax;
  f.client->send(
      std::move(request), [url, done = std::move(done)](Result<net::ClientResponse> answer) {
        if (!answer) {
          done(answer.error().in(url));
        } else if (answer->status != 200) {
          done(Error{Errc::unavailable, url + " answered " + std::to_string(answer->status)});
        } else {
          done(std::move(answer->body));
        }
      });
}

void JwksSource::refresh(Fetch& f) {
  f.busy = true;
  f.timer.reset();
  if (!f.config.jwks_url.empty()) {
    get(f, f.config.jwks_url, [this, &f](Result<std::string> jwks) { take(f, std::move(jwks)); });
    return;
  }
  get(f, discovery_address(f.config.issuer), [this, &f](Result<std::string> document) {
    auto value = document ? json::parse(*document) : Result<json::Value>(document.error());
    const auto* o = value ? value->if_object() : nullptr;
    const auto* uri = o != nullptr ? o->if_contains("jwks_uri") : nullptr;
    const auto* issuer = o != nullptr ? o->if_contains("issuer") : nullptr;
    if (uri == nullptr || !uri->is_string() || issuer == nullptr || !issuer->is_string() ||
        issuer->get_string() != f.config.issuer) {
      take(f, value ? Error{Errc::unavailable,
                            f.config.issuer +
                                ": its discovery document names no keys or another issuer"}
                    : value.error());
      return;
    }
    std::string url(uri->get_string().data(), uri->get_string().size());
    // Not from inside the client's own callback: get() replaces the client.
    post([this, &f, url] {
      get(f, url, [this, &f](Result<std::string> jwks) { take(f, std::move(jwks)); });
    });
  });
}

void JwksSource::take(Fetch& f, Result<std::string> jwks) {
  Result<void> set = jwks ? verifier_.set_jwks(f.config.issuer, *jwks) : Result<void>(jwks.error());
  if (!set) {
    log_warning("keys of an issuer not refreshed",
                {field("issuer", f.config.issuer), field("error", set.error().message)});
  }
  f.busy = false;
  f.asked = false;  // This is what was asked for; a token whose key is not there asks again.
  // Posted: not from inside the timer's own callback, as refresh() resets the timer.
  f.timer = loop_.after(set ? times_.fresh : times_.retry,
                        [this, &f] { post([this, &f] { refresh_if_idle(f); }); });
}

}  // namespace reachback::server
