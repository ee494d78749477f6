#include "keyring/coverage.h"

#include <algorithm>
#include <set>

namespace mintmark::keyring {
namespace {

bool is_of(std::string_view text, std::size_t longest, std::string_view beside_alphanumeric) {
  return !text.empty() && text.size() <= longest &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  beside_alphanumeric.find(c) != std::string_view::npos;
         });
}

Json json_of(const Acknowledgement& said) {
  return {{"id", said.verifier}, {"kids", said.kids}, {"heard_at", to_unix(said.heard_at)}};
}

// Far from where seconds since 1970, added to a span, leave their type.
constexpr std::int64_t latest_moment = std::int64_t{1} << 40U;

std::optional<Acknowledgement> acknowledgement_from(const Json& json) {
  if (!json.is_object() || json.size() != 3 || !json.contains("id") || !json["id"].is_string() ||
      !json.contains("kids") || !json["kids"].is_array() || !json.contains("heard_at") ||
      !json["heard_at"].is_number_integer())
    return std::nullopt;
  Acknowledgement said{.verifier = json["id"].get<std::string>(), .kids = {}, .heard_at = {}};
  for (const Json& kid : json["kids"]) {
    if (!kid.is_string()) return std::nullopt;
    said.kids.push_back(kid.get<std::string>());
  }
  const auto heard_at = json["heard_at"].get<std::int64_t>();
  if (!is_verifier_id(said.verifier) || !are_held_kids(said.kids) || heard_at < 0 ||
      heard_at > latest_moment)
    return std::nullopt;
  said.heard_at = from_unix(heard_at);
  return said;
}

}  // namespace

bool is_verifier_id(std::string_view text) { return is_of(text, longest_verifier_id, "._-"); }

bool are_held_kids(const std::vector<std::string>& kids) {
  const std::set<std::string_view> different(kids.begin(), kids.end());
  return kids.size() <= most_held_kids && different.size() == kids.size() &&
         std::all_of(kids.begin(), kids.end(),
                     [](const std::string& kid) { return is_of(kid, longest_held_kid, "-_"); });
}

Json to_json(const std::vector<Acknowledgement>& said) {
  Json verifiers = Json::array();
  for (const Acknowledgement& one : said) verifiers.push_back(json_of(one));
  return verifiers;
}

Result<std::vector<Acknowledgement>> acknowledgements_from(const Json& verifiers) {
  if (!verifiers.is_array()) return fail(Code::internal, "acknowledgements are a list");
  std::vector<Acknowledgement> all;
  for (const Json& json : verifiers) {
    auto said = acknowledgement_from(json);
    if (!said) return fail(Code::internal, "an acknowledgement came malformed");
    all.push_back(std::move(*said));
  }
  return all;
}

Coverage::Coverage(const std::vector<std::string>& listed, std::chrono::seconds forget,
                   Moment since)
    : forget_(forget), since_(since) {
  for (const std::string& verifier : listed) said_.emplace(verifier, std::nullopt);
}

bool Coverage::heard(const Acknowledgement& said) {
  const auto found = said_.find(said.verifier);
  if (found == said_.end()) return false;
  found->second = said;
  return true;
}

Coverage::OfKey Coverage::of(std::string_view kid, Moment now) const {
  OfKey key;
  key.listed = said_.size();
  for (const auto& [verifier, said] : said_) {
    if (now - (said ? said->heard_at : since_) >= forget_) {
      key.silent.push_back(verifier);
    } else if (said && std::find(said->kids.begin(), said->kids.end(), kid) != said->kids.end()) {
      ++key.holding;
    } else {
      key.missing.push_back(verifier);
    }
  }
  return key;
}

Json Coverage::to_json() const {
  Json verifiers = Json::array();
  for (const auto& [verifier, said] : said_) {
    verifiers.push_back(
        said ? json_of(*said)
             : Json{{"id", verifier}, {"kids", Json::array()}, {"heard_at", nullptr}});
  }
  return verifiers;
}

bool Coverage::covered(std::string_view kid, Moment now) const {
  return of(kid, now).missing.empty();
}

}  // namespace mintmark::keyring
