#include "issuer/results.h"

#include <optional>

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

constexpr std::size_t jti_octets = 16;
/// As for tokens: what moves more often within one request is not at rest.
constexpr unsigned most_attempts = 4;

tl::unexpected<Error> not_found(const std::string& id) {
  return fail(Code::device_not_found, "there is no device " + printable(id) + " here");
}

}  // namespace

struct Results::Request {
  std::optional<Credentials> credentials;  ///< Nothing: an operator asks.
  std::string id;
  ResultWish wish;
  hsm::Done<std::string> done;
  Deadline deadline;
  unsigned attempts = 0;
};

/// What a result says. Keys and device are kept: whether they moved is seen by comparing.
struct Results::Decision {
  std::shared_ptr<const keyring::Snapshot> keys;
  std::shared_ptr<const attest::RecordedDevice> device;
  std::optional<AuthenticatedClient> client;
  Json claims;
};

void Results::for_device(Credentials credentials, const std::string& id, ResultWish wish,
                         hsm::Done<std::string> done) {
  attempt(
      std::make_shared<Request>(Request{std::move(credentials), id, std::move(wish),
                                        std::move(done), Deadline::in(options_.sign_deadline)}));
}

void Results::for_operator(const std::string& id, ResultWish wish, hsm::Done<std::string> done) {
  attempt(std::make_shared<Request>(Request{std::nullopt, id, std::move(wish), std::move(done),
                                            Deadline::in(options_.sign_deadline)}));
}

void Results::attempt(const std::shared_ptr<Request>& request) {
  const auto now = parts_.clock.minting_moment();
  if (!now) return request->done(tl::unexpected<Error>(now.error()));
  auto decision = decide(*request, *now);
  if (!decision) return request->done(pass_on(decision));
  // Last before anything is spent, and once.
  if (request->attempts++ == 0 && decision->client) {
    if (auto spent = spend(*decision->client, *now); !spent) return request->done(pass_on(spent));
  }
  sign(request, std::move(*decision));
}

Result<void> Results::spend(const AuthenticatedClient& client, Moment now) {
  if (auto first = parts_.authentication.use_up(client, now); !first) return first;
  // After that: nobody uses up what is another's.
  if (parts_.rate == nullptr) return {};
  return parts_.rate->take(client.client_id(), RateLimit::Clock::now());
}

Result<AuthenticatedClient> Results::authenticate(const Request& request,
                                                  const keyring::Snapshot& keys, Moment now) {
  const std::string url = url_of(request.id);
  auto client = parts_.authentication.check(*request.credentials, {"GET", url}, keys, now);
  // Whoever is somebody here learns nothing of the others, not even whether they exist.
  if (client && client->client_id() != request.id) return not_found(request.id);
  return client;
}

Result<Results::Decision> Results::decide(const Request& request, Moment now) {
  if (auto fits = check_wish(request.wish); !fits) return pass_on(fits);
  Decision decision{parts_.keyring.snapshot(), nullptr, std::nullopt, Json()};
  const keyring::KeyKind kind{hsm::Purpose::result, options_.algorithm};
  if (const auto key = keyring::Snapshot::current_of(decision.keys, kind); !key)
    return tl::unexpected<Error>(key.error());
  if (request.credentials) {
    auto client = authenticate(request, *decision.keys, now);
    if (!client) return pass_on(client);
    decision.client = std::move(*client);
  }
  decision.device = parts_.devices.find(request.id);
  if (!decision.device) return not_found(request.id);
  const std::string& jkt = decision.client ? decision.client->device_jkt() : decision.device->jkt;
  const auto device = attest::check_standing(*decision.device, jkt, options_.freshness, now);
  if (!device) return tl::unexpected<Error>(device.error());
  if (decision.client && decision.device->facts.format == "key") {
    return fail(Code::result_unavailable,
                "this client has shown a key and attested nothing: there is no verdict to give");
  }
  decision.claims = result_claims(*device, options_.result, request.wish, now);
  decision.claims["jti"] = jose::base64url(random_bytes(jti_octets));
  return decision;
}

void Results::sign(const std::shared_ptr<Request>& request, Decision decided) {
  const auto decision = std::make_shared<const Decision>(std::move(decided));
  parts_.stores.sign_jws(
      decision->keys, {hsm::Purpose::result, options_.algorithm},
      [decision](const keyring::PublishedKey& key) {
        // RFC 9782 §4: the media type of an EAT that is a JWT.
        const Json header = {{"typ", "eat+jwt"},
                             {"alg", jose::name_of(key.public_key.algorithm())},
                             {"kid", key.kid()}};
        return jose::signing_input(header, decision->claims);
      },
      request->deadline,
      [this, request, decision](Result<std::string> result) {
        release(request, *decision, std::move(result));
      });
}

void Results::release(const std::shared_ptr<Request>& request, const Decision& decision,
                      Result<std::string> result) {
  const bool may_try = request->attempts < most_attempts;
  if (!result) {
    const bool moved = parts_.keyring.snapshot() != decision.keys;
    if (moved && may_try && !request->deadline.passed()) return attempt(request);
    return request->done(pass_on(result));
  }
  {
    const auto passage = parts_.gate.enter();
    if (parts_.devices.find(request->id) == decision.device &&
        parts_.keyring.snapshot() == decision.keys)
      return request->done(std::move(result));
  }
  if (may_try) return attempt(request);
  request->done(fail(Code::decision_moving,
                     "the device or the keys changed again and again during this request"));
}

}  // namespace mintmark::issuer
