// Any octets as what a local program sends to the agent's socket: answered by the agent alone, with
// a code where it refuses; who has no grant gets nothing; and what would be carried on has nothing
// of the connection and none of the program's own tokens.
#include <cstring>
#include <future>

#include "agent/answers.h"
#include "agent/serve/answers.h"
#include "agent/serve/local_api.h"
#include "base/text.h"
#include "http/connection_fields.h"
#include "http/request_reader.h"
#include "http/text.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

namespace serve = agent::serve;

// Of a device that is not enrolled: whatever is granted ends with that.
struct LocalAgent {
  LocalAgent()
      : state(*agent::StateDirectory::open(directory.path() / "state")),
        own{.open_device = [](const std::string&) { return no_device(); },
            .open_transport = {},
            .clock = clock,
            .boot_id = [] { return std::string("a boot"); },
            .say = [](const std::string&) {}},
        tokens(agent::Agent(state, own), clock, {}),
        prover(state, own),
        relay(tokens, prover,
              [](unsigned, const serve::Outgoing&) -> serve::Relay::Sent { std::abort(); }) {}

  static Result<std::unique_ptr<hsm::tpm2::Device>> no_device() {
    return fail(Code::tpm_unavailable, "there is no TPM");
  }
  static std::shared_ptr<const serve::InForce> settings() {
    return std::make_shared<const serve::InForce>(*serve::parse_settings("agent.json", R"({
      "socket": {"path": "/a.sock"},
      "destinations": [{"url": "https://api.example", "audience": "urn:api"}],
      "users": [{"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["read"]}]}]})"));
  }

  test::TemporaryDirectory directory;
  test::ManualClock clock;
  agent::StateDirectory state;
  agent::Surroundings own;
  serve::TokenSource tokens;
  serve::Prover prover;
  serve::GivenTokens given;
  serve::Relay relay;
  serve::Workers workers{1, 1, std::chrono::seconds(5)};
  serve::Desk desk{clock, tokens, prover, given, relay, workers, settings()};
  http::Handler handler = serve::local_requests(desk);
};

std::optional<http::Request> request_in(BytesView octets) {
  static const http::ServerLimits limits;
  http::RequestReader reader(limits);
  std::string_view text = as_text(octets);
  while (!text.empty()) {
    const auto space = reader.space();
    const std::size_t count = std::min(text.size(), space.size());
    std::memcpy(space.data(), text.data(), count);
    reader.came(count);
    text.remove_prefix(count);
    const auto stage = reader.advance();
    if (!stage) return std::nullopt;
    if (*stage == http::RequestReader::Stage::complete) return reader.take_request();
  }
  return std::nullopt;
}

http::Response answer_for(uid_t user, http::Request request) {
  static LocalAgent local;
  request.local_peer = std::make_shared<const http::LocalPeer>(http::LocalPeer{user, {user}});
  std::promise<http::Response> answer;
  local.handler(std::move(request),
                [&](http::Response response) { answer.set_value(std::move(response)); });
  return answer.get_future().get();
}

void look_at_refusal(const http::Response& response) {
  require(response.status >= 400 && response.status != 500);
  const auto body = parse_json(response.body);
  require(body && body->is_object() && body->contains("code"));
  // By the cause the server puts the header there that tells it from a service's answer.
  require(response.cause && body->at("code") == facts_of(response.cause->code).name);
}

void look_at_carried(const http::Headers& carried) {
  for (const auto& [name, value] : carried.fields()) {
    const std::string lower = http::lower_case(name);
    require(!http::is_of_connection(lower) && lower != "authorization" && lower != "dpop");
    require(lower != http::lower_case(serve::scope_header));
  }
}

void run_agent_local(BytesView octets) {
  const auto request = request_in(octets);
  if (!request) return;
  look_at_carried(serve::carried_to_service(request->headers));
  (void)agent::asked_by({401, request->headers, request->body});
  (void)serve::carried_to_program(request->headers);
  const auto stranger = answer_for(1002, *request);
  const auto user = answer_for(1001, *request);
  for (const http::Response& response : {stranger, user}) {
    if (response.status >= 300) look_at_refusal(response);
  }
  require(stranger.status != 200 || request->path == "/healthz");
  require(user.status != 200 || request->path == "/healthz");
}

const Registered agent_target{{"agent_local", &run_agent_local}};

}  // namespace
}  // namespace mintmark::fuzz
