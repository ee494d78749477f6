#include "agent/serve/settings.h"

#include <sys/un.h>

#include <algorithm>

#include "agent/proof.h"
#include "agent/serve/accounts.h"
#include "agent/session_key.h"
#include "base/json.h"
#include "config/directory.h"
#include "config/reader.h"

namespace mintmark::agent::serve {
namespace {

using config::Directory;
using config::ObjectReader;

// Of this name a program reaches the agent itself.
constexpr std::string_view own_host = "localhost";

// RFC 6749 §3.3: scope-token.
bool is_scope_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != '\\';
  });
}

std::optional<unsigned> mode_in(const std::string& text) {
  const bool octal = text.size() == 4 && text.front() == '0' &&
                     text.find_first_not_of("01234567") == std::string::npos;
  if (!octal) return std::nullopt;
  return static_cast<unsigned>(std::stoul(text, nullptr, 8));
}

void read_socket(ObjectReader& root, const Directory& directory, Settings& settings) {
  root.object("socket", true, [&](ObjectReader& socket) {
    settings.socket.path = directory.resolve(socket.text("path"));
    const auto mode = mode_in(socket.text("mode", "0660"));
    const std::string group = socket.text("group", "");
    if (socket.failed()) return;
    constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    if (settings.socket.path.size() > longest) {
      socket.refuse("path", "is " + std::to_string(settings.socket.path.size()) +
                                " octets long as an absolute path; the system takes at most " +
                                std::to_string(longest));
    }
    if (mode) settings.socket.mode = *mode;
    if (!mode) socket.refuse("mode", R"(must be four octal digits, such as "0660")");
    if (group.empty()) return;
    settings.socket.group = group_named(group);
    if (!settings.socket.group) socket.refuse("group", "must be a group of this machine");
  });
}

void read_session(ObjectReader& root, Settings& settings) {
  root.object("session", false, [&](ObjectReader& session) {
    const auto longest = longest_session.count();
    settings.session_life =
        std::chrono::seconds(session.integer("life_seconds", 60, longest, longest));
  });
}

std::string wrong_with_destination(const Result<http::Url>& url, const Settings& settings) {
  if (!url) return "must be https://HOST or https://HOST:PORT: " + url.error().detail;
  if (url->target != "/") return "must end behind the host: each path of it is reached";
  if (url->scheme != "https" && !is_on_this_machine(*url))
    return "must be https, but on this machine (localhost, 127.0.0.1, [::1])";
  if (url->authority() == own_host)
    return "must name its port, or 127.0.0.1: as localhost a program reaches the agent";
  for (const Destination& other : settings.destinations) {
    if (is_same_place(*url, other.url)) return "stands twice: one destination has one audience";
  }
  return {};
}

void read_destinations(ObjectReader& root, const Directory& directory, Settings& settings) {
  root.objects("destinations", false, [&](ObjectReader& one) {
    auto url = http::parse_url(one.text("url"));
    const std::string audience = one.text("audience");
    const std::string ca = directory.resolve(one.text("ca", ""));
    const bool mtls = one.boolean("mtls", false);
    if (one.failed()) return;
    const std::string wrong = wrong_with_destination(url, settings);
    if (!wrong.empty()) return one.refuse("url", wrong);
    if (mtls && url->scheme != "https") return one.refuse("mtls", "is for https alone");
    settings.destinations.push_back({std::move(*url), audience, ca, mtls});
  });
}

std::string wrong_with_reach(const std::string& text, const std::string& audience,
                             const Settings& settings) {
  const auto found = std::find_if(settings.destinations.begin(), settings.destinations.end(),
                                  [&](const Destination& one) { return one.url.origin() == text; });
  if (found == settings.destinations.end()) return R"(must be the "url" of a destination above)";
  if (found->audience != audience) return "must be a destination of this very audience";
  return {};
}

void read_grant(ObjectReader& one, const Settings& settings, UserRule& rule) {
  Grant grant;
  grant.audience = one.text("audience");
  const auto scopes = one.texts("scopes");
  grant.destinations = one.texts("destinations", std::vector<std::string>{});
  if (one.failed()) return;
  grant.scopes.insert(scopes.begin(), scopes.end());
  if (scopes.empty())
    one.refuse("scopes", "must name at least one: a token without a wish has all that a rule has");
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (!is_scope_word(scopes[i])) one.refuse_element("scopes", i, "must be one word of a scope");
  }
  for (std::size_t i = 0; i < grant.destinations.size(); ++i) {
    const std::string wrong = wrong_with_reach(grant.destinations[i], grant.audience, settings);
    if (!wrong.empty()) one.refuse_element("destinations", i, wrong);
  }
  rule.grants.push_back(std::move(grant));
}

void read_users(ObjectReader& root, Settings& settings) {
  root.objects("users", true, [&](ObjectReader& one) {
    UserRule rule;
    const std::string user = one.text("user", "");
    const std::string group = one.text("group", "");
    one.objects("grants", true, [&](ObjectReader& grant) { read_grant(grant, settings, rule); });
    if (one.failed()) return;
    rule.user = user.empty() ? std::nullopt : user_named(user);
    rule.group = group.empty() ? std::nullopt : group_named(group);
    if (!user.empty() && !rule.user) one.refuse("user", "must be a user of this machine");
    if (!group.empty() && !rule.group) one.refuse("group", "must be a group of this machine");
    constexpr const char* everybody =
        "is the number that stands for everybody whom this user namespace does not know; name "
        "another";
    if (rule.user && stands_for_others(*rule.user, "uid")) one.refuse("user", everybody);
    if (rule.group && stands_for_others(*rule.group, "gid")) one.refuse("group", everybody);
    if (user.empty() && group.empty())
      one.refuse_here(R"(must say whom it is for, by "user", "group" or both)");
    settings.users.push_back(std::move(rule));
  });
}

void read_limits(ObjectReader& root, Limits& limits) {
  root.object("limits", false, [&](ObjectReader& reader) {
    const auto count = [&](const char* key, std::int64_t most, auto& value) {
      value = static_cast<std::decay_t<decltype(value)>>(
          reader.integer(key, 1, most, static_cast<std::int64_t>(value)));
    };
    const auto time = [&](const char* key, std::chrono::milliseconds& value) {
      value = std::chrono::milliseconds(reader.integer(key, 100, 600'000, value.count()));
    };
    count("threads", 256, limits.threads);
    count("waiting", 65'536, limits.waiting);
    time("waiting_ms", limits.thread);
    count("hardware_waiting", 65'536, limits.hardware_waiting);
    time("hardware_ms", limits.hardware);
    time("token_ms", limits.token);
    time("answer_ms", limits.answer);
    count("body_octets", 64 << 20, limits.body_octets);
    count("answer_octets", 256 << 20, limits.answer_octets);
    count("connections", 65'536, limits.connections);
  });
}

}  // namespace

Result<Settings> parse_settings(const std::string& file, std::string_view text) {
  auto document = parse_json_document(file, text);
  if (!document) return pass_on(document);
  const Directory directory(file);
  ObjectReader root(*document, Code::config_invalid);
  Settings settings;
  read_socket(root, directory, settings);
  read_session(root, settings);
  read_destinations(root, directory, settings);
  read_users(root, settings);
  read_limits(root, settings.limits);
  root.object("log", false, [&](ObjectReader& log) {
    settings.log_level =
        log.choice("level", {"debug", "info", "warning", "error"}, settings.log_level);
  });
  if (auto read = root.finish(); !read) return pass_on(read);
  return settings;
}

Result<Settings> simple_settings(const Simple& simple, uid_t user) {
  Json grant = {{"audience", simple.audience}, {"scopes", Json::array()}};
  std::size_t begin = 0;
  while (begin < simple.scope.size()) {
    const std::size_t end = std::min(simple.scope.find(' ', begin), simple.scope.size());
    grant["scopes"].push_back(simple.scope.substr(begin, end - begin));
    begin = end + 1;
  }
  Json document = {{"socket", {{"path", simple.socket}, {"mode", "0600"}}},
                   {"destinations", Json::array()},
                   {"users", {{{"user", std::to_string(user)}, {"grants", {grant}}}}}};
  for (const std::string& url : simple.destinations)
    document["destinations"].push_back({{"url", url}, {"audience", simple.audience}});
  if (simple.session) document["session"] = Json::object();
  return parse_settings("command line",
                        document.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<void> check_against_issuer(const Settings& settings, const std::string& issuer) {
  const auto own = http::parse_url(issuer);
  for (const Destination& one : settings.destinations) {
    if (own && !is_same_place(one.url, *own)) continue;
    return fail(Code::config_invalid,
                "the destination " + one.url.origin() +
                    " is this device's issuer: nobody but the agent speaks to it with its key");
  }
  return {};
}

}  // namespace mintmark::agent::serve
