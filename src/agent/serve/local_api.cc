#include "agent/serve/local_api.h"

#include "agent/serve/answers.h"
#include "http/router.h"

namespace mintmark::agent::serve {
namespace {

// No user has this number: users' have 32 bits.
constexpr std::uint64_t nobody_here = ~std::uint64_t{0};

constexpr JsonLimits body_limits{.octets = 64U << 10U, .depth = 2, .elements = 16};

tl::unexpected<Error> malformed(const std::string& right) {
  return fail(Code::agent_request_malformed, right);
}

Result<TokenRequest> token_request_in(const http::Request& request) {
  const auto fields = http::parse_form(request.query);
  if (!fields) return malformed("the query is not application/x-www-form-urlencoded");
  TokenRequest asked;
  std::set<std::string> seen;
  for (const auto& [name, value] : *fields) {
    if (name != "audience" && name != "scope")
      return malformed("the query has audience and scope, each once, and nothing else");
    if (!seen.insert(name).second) return malformed(name + " stands twice");
    (name == "audience" ? asked.audience : asked.scope) = value;
  }
  return asked;
}

Result<ProofContent> proof_request_in(const http::Request& request) {
  const auto body = parse_json(request.body, body_limits);
  if (!body) return malformed("the body: " + body.error().detail);
  const auto is_text = [&](const char* name) {
    const auto found = body->find(name);
    return found != body->end() && found->is_string();
  };
  const bool whole = body->is_object() && is_text("method") && is_text("url") &&
                     is_text("access_token") && body->size() == (is_text("nonce") ? 4U : 3U);
  if (!whole) {
    return malformed(
        R"(the body is {"method", "url", "access_token"} and may have "nonce", all of them text)");
  }
  return ProofContent{(*body)["method"], (*body)["url"], (*body)["access_token"],
                      body->value("nonce", "")};
}

// Worked on by a thread that may wait.
void work_on(Desk& desk, const http::Request& request, const http::Respond& respond,
             std::function<http::Response(unsigned worker)> work) {
  auto taken = desk.workers.submit(
      request.local_peer->user,
      {[respond, work = std::move(work)](unsigned worker) { respond(work(worker)); },
       [respond](const Error& why) { respond(refusal(why)); }});
  if (!taken) respond(refusal(taken.error()));
}

Result<Wish> wish_of(const Desk& desk, const http::Request& request, TokenRequest asked) {
  const auto identity = desk.prover.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  return Wish{request.local_peer->user, enrolment_of(*identity), std::move(asked)};
}

http::Response token_answer(const HeldToken& token, Moment now) {
  return answer({{"access_token", token.token},
                 {"token_type", "DPoP"},
                 {"expires_in", (token.expires_at - now).count()},
                 {"scope", token.scope}});
}

http::Response give(Desk& desk, const Wish& wish, const Result<HeldToken>& token) {
  if (!token) return no_token(token.error());
  const Moment now = desk.clock.now();
  desk.given.give(*token, wish.request.audience, wish.user, now);
  return token_answer(*token, now);
}

void give_token(Desk& desk, const http::Request& request, const http::Respond& respond) {
  const auto asked = token_request_in(request);
  if (!asked) return respond(refusal(asked.error()));
  const auto allowed = desk.in_force->access.to_audience(request.local_peer.get(), asked->audience);
  if (!allowed) return respond(refusal(allowed.error()));
  const auto scope = allowed->scope_for(asked->scope);
  if (!scope) return respond(refusal(scope.error()));
  const auto wish = wish_of(desk, request, {allowed->audience, *scope});
  if (!wish) return respond(no_token(wish.error()));
  // What is in memory waits for no thread: they may all be with services that are slow.
  if (const auto now = desk.tokens.token_at_once(*wish)) return respond(give(desk, *wish, *now));
  work_on(desk, request, respond,
          [&desk, wish = *wish](unsigned) { return give(desk, wish, desk.tokens.token(wish)); });
}

// What a token has must be granted still, and there.
Result<void> check_still_granted(const GivenTokens::Given& given, const Reach& reach) {
  const auto scope = reach.scope_for(given.scope);
  if (scope) return {};
  return fail(scope.error().code, "of this token, at this destination: " + scope.error().detail);
}

Result<GivenTokens::Given> given_for(const Desk& desk, const http::Request& request,
                                     const ProofContent& content) {
  if (content.access_token.empty())
    return fail(Code::agent_proof_without_token, "a proof is made for an access token");
  auto given = desk.given.find(content.access_token, request.local_peer->user, desk.clock.now());
  if (!given) {
    return fail(Code::agent_user_refused,
                "this token is over, or was not given to this user at this socket");
  }
  const auto url = http::parse_url(content.url);
  if (!url) return malformed("the url: " + url.error().detail);
  const auto reach = desk.in_force->access.to_url(request.local_peer.get(), given->audience, *url);
  if (!reach) return tl::unexpected<Error>(reach.error());
  if (auto granted = check_still_granted(*given, *reach); !granted) return pass_on(granted);
  const auto identity = desk.prover.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  if (given->enrolment != enrolment_of(*identity)) {
    return fail(Code::agent_user_refused,
                "this token is of a former enrolment of this device; ask for another");
  }
  return std::move(*given);
}

void give_proof(Desk& desk, const http::Request& request, const http::Respond& respond) {
  const auto content = proof_request_in(request);
  if (!content) return respond(refusal(content.error()));
  const auto given = given_for(desk, request, *content);
  if (!given) return respond(refusal(given.error()));
  const auto prove = [&desk, content = *content, session = given->session](unsigned) {
    const auto proof = desk.prover.prove(content, session.get());
    return proof ? answer({{"proof", *proof}}) : refusal(proof.error());
  };
  // A key in memory waits for nobody.
  if (given->session) return respond(prove(0));
  work_on(desk, request, respond, prove);
}

Json key_status(const Desk& desk, const Identity& identity) {
  Json key = {{"jkt", identity.jkt}};
  if (!desk.in_force->settings.session_life) return key;
  const auto session = desk.tokens.session();
  if (!session) return key;
  key["session"] = {{"jkt", session->jkt()}, {"ends_at", to_unix(session->ends_at())}};
  return key;
}

Json grant_status(const Desk& desk, const Wish& wish, const Share& share) {
  Json one = {{"audience", wish.request.audience},
              {"scopes", share.scopes},
              {"destinations", Json::array()}};
  for (const Destination* destination : share.destinations)
    one["destinations"].push_back(destination->url.origin());
  if (const auto end = desk.tokens.end_of(wish)) one["token_expires_at"] = to_unix(*end);
  return one;
}

// What the asker has: nothing of others.
http::Response status_for(const Desk& desk, uid_t user, const std::vector<Allowed>& all) {
  const auto identity = desk.prover.identity();
  if (!identity) return no_token(identity.error());
  Json status = {{"issuer", identity->issuer},
                 {"client_id", identity->client_id},
                 {"key", key_status(desk, *identity)},
                 {"grants", Json::array()}};
  if (identity->attestation)
    status["attestation"] = {{"expires_at", to_unix(identity->attestation->expires_at)}};
  for (const Allowed& allowed : all) {
    for (const Share& share : allowed.shares) {
      const Reach reach{nullptr, allowed.audience, share.scopes};
      const Wish wish{
          user, enrolment_of(*identity), {allowed.audience, reach.scope_for("").value_or("")}};
      status["grants"].push_back(grant_status(desk, wish, share));
    }
  }
  return answer(status);
}

void give_status(Desk& desk, const http::Request& request, const http::Respond& respond) {
  const auto all = desk.in_force->access.all_of(request.local_peer.get());
  respond(all ? status_for(desk, request.local_peer->user, *all) : refusal(all.error()));
}

// Fewer scopes than are granted, where the program says so.
Result<std::string> scope_in(const http::Request& request, const Reach& reach) {
  const std::string* wished = request.headers.find(scope_header);
  if (wished == nullptr) return reach.scope_for("");
  if (request.headers.count(scope_header) != 1 || wished->empty())
    return malformed(std::string(scope_header) + " stands once and has a scope");
  return reach.scope_for(*wished);
}

void carry(Desk& desk, const http::Request& request, const http::Respond& respond) {
  const std::string* host = request.headers.find("Host");
  const auto reach =
      desk.in_force->access.to_host(request.local_peer.get(), host == nullptr ? "" : *host);
  if (!reach) return respond(refusal(reach.error()));
  if (!request.target.starts_with('/') || request.method == "TRACE")
    return respond(
        refusal({Code::agent_request_malformed, "what is carried has a path, and is no TRACE"}));
  const auto scope = scope_in(request, *reach);
  if (!scope) return respond(refusal(scope.error()));
  const Destination& destination = *reach->destination;
  const auto wish = wish_of(desk, request, {reach->audience, *scope, destination.mtls});
  if (!wish) return respond(no_token(wish.error()));
  // The destination is of what is in force now.
  work_on(desk, request, respond,
          [&desk, kept = desk.in_force, request, &destination, wish = *wish](unsigned worker) {
            return desk.relay.carry(worker, request, destination, wish);
          });
}

bool is_for_agent(const http::Request& request) {
  const std::string* host = request.headers.find("Host");
  return host != nullptr && *host == "localhost";
}

http::Router agent_routes(Desk& desk) {
  http::Router router;
  using Give = void (*)(Desk&, const http::Request&, const http::Respond&);
  const auto on = [&](const char* method, const char* path, Give give) {
    router.on(method, path,
              [&desk, give](const http::Request& request, const http::Respond& respond) {
                give(desk, request, respond);
              });
  };
  on("GET", "/token", &give_token);
  on("POST", "/proof", &give_proof);
  on("GET", "/status", &give_status);
  router.on("GET", "/healthz", [](const http::Request&, const http::Respond& respond) {
    respond(answer({{"status", "ok"}}));
  });
  return router;
}

}  // namespace

http::ConnectionShare connection_share(const InForce& in_force, const http::LocalPeer* peer) {
  const std::size_t all = in_force.settings.limits.connections;
  const auto at_least_one = [](std::size_t most) { return std::max<std::size_t>(most, 1); };
  if (peer == nullptr || !in_force.access.all_of(peer)) return {nobody_here, at_least_one(all / 8)};
  return {peer->user, at_least_one(all / 4)};
}

http::Handler local_requests(Desk& desk) {
  return [&desk, routes = agent_routes(desk)](http::Request request, http::Respond respond) {
    const bool own = is_for_agent(request);
    if (own && request.path == "/healthz") return routes(std::move(request), std::move(respond));
    // A peer to whom nothing is granted learns nothing else.
    const auto all = desk.in_force->access.all_of(request.local_peer.get());
    if (!all) return respond(refusal(all.error()));
    if (own) return routes(std::move(request), std::move(respond));
    carry(desk, request, respond);
  };
}

}  // namespace mintmark::agent::serve
