#include "verify/https_key_source.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "base/bytes.h"
#include "base/json.h"
#include "http/text.h"
#include "http/url.h"
#include "verify/refusal.h"

namespace mintmark::verify {
namespace {

constexpr std::size_t answer_octets = 1U << 20U;
constexpr std::chrono::seconds longest_metadata{3600};
constexpr std::size_t longest_instance = 64;

bool is_of(std::string_view text, std::size_t longest, std::string_view beside_alphanumeric) {
  return !text.empty() && text.size() <= longest &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  beside_alphanumeric.find(c) != std::string_view::npos;
         });
}

std::string checked_instance(std::string instance) {
  if (instance.empty() || is_of(instance, longest_instance, "._-")) return instance;
  throw std::invalid_argument("a verifier's instance is 1 to 64 letters, digits, . _ and -");
}

// One directive of Cache-Control.
std::string trimmed_lower(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  std::string out(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::optional<std::chrono::seconds> delta_seconds(std::string_view text) {
  std::uint32_t seconds = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, seconds);
  if (error != std::errc{} || last != end) return std::nullopt;
  return std::chrono::seconds{seconds};
}

std::optional<std::chrono::seconds> age_in(const std::string& directive) {
  if (directive == "no-store" || directive == "no-cache") return std::chrono::seconds{0};
  constexpr std::string_view prefix = "max-age=";
  if (!directive.starts_with(prefix)) return std::nullopt;
  // What cannot be read is stale (RFC 9111 §4.2.1).
  return delta_seconds(std::string_view(directive).substr(prefix.size()))
      .value_or(std::chrono::seconds{0});
}

std::chrono::seconds least_age_in(std::string_view field, std::chrono::seconds least) {
  while (!field.empty()) {
    const std::size_t comma = std::min(field.find(','), field.size());
    if (const auto age = age_in(trimmed_lower(field.substr(0, comma))))
      least = std::min(least, *age);
    field.remove_prefix(std::min(comma + 1, field.size()));
  }
  return least;
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<std::string> metadata_url(const std::string& issuer) {
  const auto url = http::parse_url(issuer);
  if (!url) return tl::unexpected<Error>(url.error());
  if (url->scheme != "https" || url->target.find('?') != std::string::npos) {
    return fail(Code::http_malformed, "an issuer is an https URL without a query");
  }
  std::string path = url->target;
  if (path.back() == '/') path.pop_back();
  return url->origin() + "/.well-known/oauth-authorization-server" + path;
}

std::chrono::seconds max_age_of(const http::Headers& headers) {
  constexpr auto unsaid = std::chrono::seconds::max();
  auto life = unsaid;
  for (const auto& [name, value] : headers.fields()) {
    if (http::equal_without_case(name, "Cache-Control")) life = least_age_in(value, life);
  }
  if (life == unsaid) life = silent_max_age;
  const std::string* age = headers.find("Age");
  if (age == nullptr) return life;
  const auto spent = delta_seconds(trimmed_lower(*age)).value_or(life);
  return std::max(std::chrono::seconds{0}, life - spent);
}

http::Headers acknowledgement(const std::string& instance, const std::vector<std::string>& held) {
  std::string kids;
  std::size_t count = 0;
  for (const std::string& kid : held) {
    if (!is_of(kid, longest_held_kid, "-_")) continue;
    if (++count > most_held_kids) break;
    kids.append(kids.empty() ? "" : " ").append(kid);
  }
  http::Headers headers;
  headers.add("Mintmark-Verifier", instance);
  if (!kids.empty()) headers.add("Mintmark-Held-Kids", kids);
  return headers;
}

HttpsKeySource::HttpsKeySource(std::string issuer, std::string ca_file, std::string instance)
    : issuer_(std::move(issuer)),
      instance_(checked_instance(std::move(instance))),
      client_({.ca_file = std::move(ca_file),
               .unix_socket = "",
               .answer_octets = answer_octets,
               .name_lookup = http::NameLookup::by_caller}) {}

Result<http::Response> HttpsKeySource::get(const std::string& url, http::Headers headers,
                                           Deadline deadline) {
  headers.add("Accept", "application/json");
  auto response = client_.send("GET", url, headers, "", deadline);
  if (!response) {
    return fail(Code::keys_unavailable, url + ": " + response.error().to_string());
  }
  if (response->status != 200) {
    return fail(Code::keys_unavailable, url + " answered " + std::to_string(response->status));
  }
  return response;
}

Result<void> HttpsKeySource::find_jwks_uri(Deadline deadline) {
  if (metadata_good_ && !metadata_good_->passed()) return {};
  const auto url = metadata_url(issuer_);
  if (!url) return fail(Code::keys_unavailable, issuer_ + ": " + url.error().detail);
  auto response = get(*url, {}, deadline);
  if (!response) return pass_on(response);
  auto metadata = parse_json(response->body);
  if (!metadata || !metadata->is_object()) {
    return fail(Code::metadata_malformed, *url + " is no JSON object");
  }
  const std::string named = text_member(*metadata, "issuer");
  if (named != issuer_) {
    return fail(
        Code::metadata_issuer_mismatch,
        *url + " are the metadata of \"" + printable(named) + "\", not of \"" + issuer_ + "\"");
  }
  jwks_uri_ = text_member(*metadata, "jwks_uri");
  if (jwks_uri_.empty()) return fail(Code::metadata_malformed, *url + " has no jwks_uri");
  metadata_good_ = Deadline::in(std::min(max_age_of(response->headers), longest_metadata));
  return {};
}

tl::expected<KeyDocument, Refused> HttpsKeySource::fetch() { return fetch_holding({}); }

tl::expected<KeyDocument, Refused> HttpsKeySource::fetch_holding(
    const std::vector<std::string>& held) {
  const Deadline deadline = Deadline::in(key_fetch_patience);
  if (auto found = find_jwks_uri(deadline); !found) {
    return tl::unexpected<Refused>(refused(std::move(found.error())));
  }
  http::Headers headers;
  if (!instance_.empty()) {
    headers = acknowledgement(instance_, held);
    // A cache on the way would keep it to itself (RFC 9111 §5.2.1.4).
    headers.add("Cache-Control", "no-cache");
  }
  auto response = get(jwks_uri_, std::move(headers), deadline);
  if (!response) {
    // The keys may have moved.
    metadata_good_.reset();
    return tl::unexpected<Refused>(refused(std::move(response.error())));
  }
  return KeyDocument{std::move(response->body), max_age_of(response->headers)};
}

}  // namespace mintmark::verify

// Qualified, or it would be another beside that of the inline namespace.
std::unique_ptr<mintmark::KeySource> mintmark::published_keys(std::string issuer,
                                                              std::string ca_file,
                                                              std::string instance) {
  return std::make_unique<verify::HttpsKeySource>(std::move(issuer), std::move(ca_file),
                                                  std::move(instance));
}
