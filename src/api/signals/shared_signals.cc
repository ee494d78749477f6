#include "api/signals/shared_signals.h"

#include <optional>

#include "api/answers.h"
#include "api/members.h"
#include "api/metadata.h"
#include "api/signals/poll_wish.h"
#include "base/bytes.h"

namespace mintmark::api {
namespace {

using revoke::signals::Owner;
using revoke::signals::PollAnswer;
using revoke::signals::Streams;

// SSF 1.0 §7.1; what is not here is not there: no critical subject members.
Json metadata(const std::string& issuer) {
  return {
      {"spec_version", "1_0"},
      {"issuer", issuer},
      {"jwks_uri", issuer + "/.well-known/jwks.json"},
      {"delivery_methods_supported", {revoke::signals::push_method, revoke::signals::poll_method}},
      {"configuration_endpoint", issuer + "/ssf/streams"},
      {"status_endpoint", issuer + "/ssf/status"},
      {"add_subject_endpoint", issuer + "/ssf/subjects/add"},
      {"remove_subject_endpoint", issuer + "/ssf/subjects/remove"},
      {"verification_endpoint", issuer + "/ssf/verify"},
      {"authorization_schemes",
       {{{"spec_urn", "urn:ietf:rfc:6749"}}, {{"spec_urn", "urn:ietf:rfc:9449"}}}},
      {"default_subjects", "ALL"}};
}

http::Response empty(unsigned status) {
  http::Response response;
  response.status = status;
  response.headers.set("Cache-Control", "no-store");
  return response;
}

http::Response shown(const Result<Json>& json, unsigned status = 200) {
  if (!json) return refusal(json.error());
  http::Response response = fresh_json(*json);
  response.status = status;
  return response;
}

http::Response done(const Result<void>& result, unsigned status) {
  return result ? empty(status) : refusal(result.error());
}

/// nullopt: the query names no stream.
Result<std::optional<std::string>> stream_in(const std::string& query) {
  const auto fields = http::parse_form(query);
  if (!fields) return fail(Code::http_malformed, "the query's percent encoding is wrong");
  std::optional<std::string> id;
  for (const auto& [name, value] : *fields) {
    if (name != "stream_id") continue;
    if (id) return fail(Code::parameter_repeated, "parameter stream_id stands twice");
    id = value;
  }
  return id;
}

Result<std::string> named_stream(const std::string& query) {
  auto id = stream_in(query);
  if (!id) return pass_on(id);
  if (!*id) return fail(Code::ssf_stream_malformed, "the query must have stream_id");
  return std::move(**id);
}

using Action = std::function<http::Response(const Owner&, const http::Request&)>;

http::Response too_many() {
  return refusal(Error{Code::overloaded, "too many ask for streams at once", 0});
}

/// The action runs where it may wait for the disk.
http::Handler guarded(const SharedSignals& parts, Action action) {
  return [parts, action = std::move(action)](http::Request request, const http::Respond& respond) {
    auto caller = parts.access(request, issuer::role_events);
    if (!caller) return respond(parts.refuse(caller.error()));
    const std::string service = caller->id;
    auto job = [owner = Owner{std::move(caller->id), std::move(caller->audiences)},
                request = std::move(request), respond, action] { respond(action(owner, request)); };
    if (!parts.polls.run(service, std::move(job))) respond(too_many());
  };
}

/// An action on a JSON body.
template <typename Act>
Action with_body(Act act) {
  return [act](const Owner& owner, const http::Request& request) {
    const auto body = read_object(request);
    return body ? act(owner, *body) : refusal(body.error());
  };
}

/// An action on the stream that the query names.
template <typename Act>
Action with_stream(Act act) {
  return [act](const Owner& owner, const http::Request& request) {
    const auto id = named_stream(request.query);
    return id ? act(owner, *id) : refusal(id.error());
  };
}

http::Response read_streams(const Streams& streams, const Owner& owner, const std::string& query) {
  const auto id = stream_in(query);
  if (!id) return refusal(id.error());
  return *id ? shown(streams.read(owner, **id)) : shown(streams.read_all(owner));
}

void add_configuration(http::Router& router, const std::string& at, const SharedSignals& parts) {
  Streams& streams = parts.streams;
  router.on("POST", at, guarded(parts, with_body([&](const Owner& owner, const Json& wish) {
                                  return shown(streams.create(owner, wish), 201);
                                })));
  router.on("GET", at, guarded(parts, [&](const Owner& owner, const http::Request& request) {
              return read_streams(streams, owner, request.query);
            }));
  router.on("PATCH", at, guarded(parts, with_body([&](const Owner& owner, const Json& wish) {
                                   return shown(streams.update(owner, wish));
                                 })));
  router.on("PUT", at, guarded(parts, with_body([&](const Owner& owner, const Json& wish) {
                                 return shown(streams.replace(owner, wish));
                               })));
  router.on("DELETE", at, guarded(parts, with_stream([&](const Owner& owner, const auto& id) {
                                    return done(streams.remove(owner, id), 204);
                                  })));
}

void add_rest(http::Router& router, const std::string& below, const SharedSignals& parts) {
  Streams& streams = parts.streams;
  const std::string status = below + "/status";
  router.on("GET", status, guarded(parts, with_stream([&](const Owner& owner, const auto& id) {
                                     return shown(streams.status(owner, id));
                                   })));
  router.on("POST", status, guarded(parts, with_body([&](const Owner& owner, const Json& wish) {
                                      return shown(streams.set_status(owner, wish));
                                    })));
  router.on("POST", below + "/subjects/add",
            guarded(parts, with_body([&](const Owner& owner, const Json& wish) {
                      return done(streams.add_subject(owner, wish), 200);
                    })));
  router.on("POST", below + "/subjects/remove",
            guarded(parts, with_body([&](const Owner& owner, const Json& wish) {
                      return done(streams.remove_subject(owner, wish), 204);
                    })));
  router.on("POST", below + "/verify",
            guarded(parts, with_body([&](const Owner& owner, const Json& wish) {
                      return done(streams.verify(owner, wish), 204);
                    })));
}

http::Response poll_answer(const Result<PollAnswer>& answer) {
  if (!answer) return refusal(answer.error());
  Json body = {{"sets", Json::object()}};
  for (const auto& [jti, set] : answer->sets) body["sets"][jti] = set;
  if (answer->more) body["moreAvailable"] = true;
  return fresh_json(body);
}

void add_poll(http::Router& router, const std::string& below, const SharedSignals& parts) {
  const std::string prefix = below + "/poll/";
  router.on("POST", prefix + "*",
            [parts, prefix](const http::Request& request, const http::Respond& respond) {
              auto caller = parts.access(request, issuer::role_events);
              if (!caller) return respond(parts.refuse(caller.error()));
              auto wish = read_poll(request);
              if (!wish) return respond(refusal(wish.error()));
              wish->owner = {std::move(caller->id), std::move(caller->audiences)};
              wish->stream = request.path.substr(prefix.size());
              parts.polls.poll(std::move(*wish), [respond](const Result<PollAnswer>& answer) {
                respond(poll_answer(answer));
              });
            });
}

}  // namespace

void add_shared_signals(http::Router& router, const SharedSignals& parts) {
  const std::string document = metadata(parts.issuer).dump();
  const std::string tag = '"' + to_hex(BytesView(sha256(document)).first(16)) + '"';
  const std::string path = path_of(parts.issuer);
  router.on("GET", "/.well-known/ssf-configuration" + path,
            [document, tag, max_age = parts.max_age](const http::Request& request,
                                                     const http::Respond& respond) {
              respond(cacheable(request, document, tag, max_age));
            });
  const std::string below = path + "/ssf";
  add_configuration(router, below + "/streams", parts);
  add_rest(router, below, parts);
  add_poll(router, below, parts);
}

}  // namespace mintmark::api
