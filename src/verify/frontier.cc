#include "verify/frontier.h"

#include <algorithm>
#include <optional>

#include "jose/base64url.h"

namespace mintmark::verify {
namespace {

constexpr std::size_t longest_name = 128;
/// More do not fit into a JWS that is read (jose::JwsLimits).
constexpr std::size_t most_revoked_keys = 256;
constexpr std::int64_t longest_bound = 86400;
constexpr std::int64_t latest = std::int64_t{1} << 53U;

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::frontier_malformed, "a frontier's " + what);
}

std::optional<std::string> name_of(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty() || text.size() > longest_name) return std::nullopt;
  return text;
}

std::optional<std::int64_t> number_in(const Json& claims, const char* name, std::int64_t most) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number_integer()) return std::nullopt;
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > static_cast<std::uint64_t>(most))
    return std::nullopt;
  const auto number = found->get<std::int64_t>();
  return number < 0 || number > most ? std::nullopt : std::optional(number);
}

std::optional<Sha256> digest_of(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto octets = jose::from_base64url(value.get_ref<const std::string&>());
  Sha256 digest{};
  if (!octets || octets->size() != digest.size()) return std::nullopt;
  std::copy(octets->begin(), octets->end(), digest.begin());
  return digest;
}

Result<void> read_revoked_keys(const Json& claims, Frontier& frontier) {
  const auto keys = claims.find("revoked_keys");
  if (keys == claims.end() || !keys->is_array() || keys->size() > most_revoked_keys)
    return malformed("revoked_keys must be an array of at most 256 kids");
  for (const Json& value : *keys) {
    auto kid = name_of(value);
    if (!kid) return malformed("revoked_keys must be kids of 1 to 128 octets");
    frontier.revoked_keys.insert(*std::move(kid));
  }
  return {};
}

Result<void> read_place(const Json& claims, Frontier& frontier) {
  const auto log = claims.find("log");
  const auto head = claims.find("head");
  auto name = log == claims.end() ? std::nullopt : name_of(*log);
  if (!name) return malformed("log must be a name of 1 to 128 octets");
  const auto seq = number_in(claims, "seq", latest);
  if (!seq) return malformed("seq must be a number from 0");
  const auto digest = head == claims.end() ? std::nullopt : digest_of(*head);
  if (!digest) return malformed("head must be base64url of a SHA-256");
  frontier.log = *std::move(name);
  frontier.seq = static_cast<std::uint64_t>(*seq);
  frontier.head = *digest;
  return {};
}

}  // namespace

Sha256 empty_head(std::string_view log) {
  return sha256("mintmark event log 1\n" + std::string(log) + "\n");
}

Sha256 next_head(const Sha256& head, std::string_view entry) {
  std::string text(as_text(head));
  text += entry;
  return sha256(text);
}

std::string frontier_input(const Frontier& frontier, const std::string& issuer,
                           std::string_view alg, std::string_view kid, Moment iat,
                           std::chrono::seconds life) {
  Json claims = {{"iss", issuer},
                 {"iat", to_unix(iat)},
                 {"exp", to_unix(iat + life)},
                 {"ms", frontier.ms},
                 {"log", frontier.log},
                 {"seq", frontier.seq},
                 {"head", jose::base64url(frontier.head)},
                 {"bound", frontier.bound.count()},
                 {"revoked_keys", frontier.revoked_keys}};
  if (!frontier.snapshot.empty()) claims["snapshot"] = frontier.snapshot;
  return jose::signing_input({{"typ", frontier_typ}, {"alg", alg}, {"kid", kid}}, claims);
}

Result<Frontier> read_frontier(const Json& claims) {
  if (!claims.is_object()) return malformed("claims must be an object");
  Frontier frontier;
  if (auto read = read_place(claims, frontier); !read) return pass_on(read);
  const auto ms = number_in(claims, "ms", latest);
  if (!ms) return malformed("ms must be milliseconds since 1970");
  frontier.ms = *ms;
  const auto bound = number_in(claims, "bound", longest_bound);
  if (!bound || *bound == 0) return malformed("bound must be 1 to 86400 seconds");
  frontier.bound = std::chrono::seconds(*bound);
  if (auto read = read_revoked_keys(claims, frontier); !read) return pass_on(read);
  const auto snapshot = claims.find("snapshot");
  if (snapshot == claims.end()) return frontier;
  if (!digest_of(*snapshot)) return malformed("snapshot must be base64url of a SHA-256");
  frontier.snapshot = snapshot->get<std::string>();
  return frontier;
}

}  // namespace mintmark::verify
