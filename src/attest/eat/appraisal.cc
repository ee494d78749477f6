#include "attest/eat/appraisal.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace mintmark::attest::eat {
namespace {

constexpr std::array tiers = {"affirming", "warning", "none", "contraindicated"};
constexpr std::array aspects = {"instance-identity", "configuration", "executables",
                                "file-system",       "hardware",      "runtime-opaque",
                                "storage-opaque",    "sourced-data"};
// Since draft-ietf-rats-ear-03 with '_'; before, and in Veraison of today, with '.'.
constexpr const char* status_names[] = {"ear_status", "ear.status"};
constexpr const char* vector_names[] = {"ear_trustworthiness_vector", "ear.trustworthiness-vector"};
constexpr std::string_view veraison_profile = "tag:github.com,2023:veraison/ear";
constexpr std::string_view ietf_profile = "tag:ietf.org,2026:rats/ear#";

Result<const Json*> claim(const Json& claims, const char* const (&names)[2]) {
  const auto now = claims.find(names[0]);
  const auto before = claims.find(names[1]);
  if (now != claims.end() && before != claims.end())
    return fail(Code::eat_malformed, std::string(names[0]) + " stands under two names");
  if (now != claims.end()) return &*now;
  return before != claims.end() ? &*before : nullptr;
}

bool is_ear_profile(const Json& claims) {
  const auto profile = claims.find("eat_profile");
  if (profile == claims.end() || !profile->is_string()) return false;
  const auto& text = profile->get_ref<const std::string&>();
  return text == veraison_profile || text.starts_with(ietf_profile);
}

bool has_ear_claims(const Json& claims) {
  return std::any_of(claims.items().begin(), claims.items().end(), [](const auto& item) {
    return item.key().starts_with("ear_") || item.key().starts_with("ear.");
  });
}

bool is_whole(const Json& value) {
  constexpr std::int64_t least = -128;
  constexpr std::int64_t most = 127;
  return value.is_number_integer() && value.get<std::int64_t>() >= least &&
         value.get<std::int64_t>() <= most &&
         !(value.is_number_unsigned() && value.get<std::uint64_t>() > most);
}

Result<Tier> status_of(const Json& value) {
  if (is_whole(value)) return tier_of(value.get<std::int64_t>());
  for (std::size_t i = 0; value.is_string() && i < tiers.size(); ++i) {
    if (value.get_ref<const std::string&>() == tiers[i]) return static_cast<Tier>(i);
  }
  return fail(Code::eat_malformed,
              "a status must be affirming, warning, contraindicated or none, or its number");
}

class Appraiser {
 public:
  Result<Appraisal> run(const Json& claims) {
    found_.is_ear = is_ear_profile(claims);
    if (auto whole = status(claims, false); !whole) return pass_on(whole);
    if (auto parts = submods(claims, true); !parts) return pass_on(parts);
    if (!found_.is_ear && ear_claims_)
      return fail(Code::eat_profile,
                  "claims of an EAR need its profile: tag:ietf.org,2026:rats/ear#NN or " +
                      std::string(veraison_profile));
    found_.hardware = found_.is_ear && hardware_affirmed_ && !hardware_doubted_;
    found_.boot_state = found_.is_ear && executables_affirmed_ && !boot_doubted_;
    return found_;
  }

 private:
  Result<void> submods(const Json& claims, bool top) {
    const auto parts = claims.find("submods");
    if (parts == claims.end()) {
      if (top && found_.is_ear) return refused("an EAR must have one at least");
      return {};
    }
    if (!parts->is_object() || parts->empty()) return refused("they must be an object of some");
    for (const auto& [name, part] : parts->items()) {
      if (++count_ > most_submods) return refused("more than 32");
      if (!part.is_object())
        return refused(printable(name) +
                       " is no claims set; tokens inside tokens are not judged here");
      if (auto right = status(part, found_.is_ear && top); !right) return right;
      if (auto right = submods(part, false); !right) return right;
    }
    return {};
  }

  Result<void> status(const Json& claims, bool wanted) {
    ear_claims_ = ear_claims_ || has_ear_claims(claims);
    auto value = claim(claims, status_names);
    if (!value) return pass_on(value);
    if (*value == nullptr && wanted) return refused("each of an EAR must have its status");
    if (*value != nullptr) {
      auto tier = status_of(**value);
      if (!tier) return pass_on(tier);
      found_.status = std::max(found_.status, *tier);
    }
    auto vector = claim(claims, vector_names);
    if (!vector) return pass_on(vector);
    return *vector == nullptr ? Result<void>() : trustworthiness(**vector);
  }

  // A status is of no higher trust than the worst of its vector (draft-ietf-rats-ear §3.1): one
  // that claims to be is taken for the worst.
  Result<void> trustworthiness(const Json& vector) {
    if (!vector.is_object()) return fail(Code::eat_malformed, "a vector must be an object");
    for (const auto& [name, value] : vector.items()) {
      if (std::find(aspects.begin(), aspects.end(), name) == aspects.end() || !is_whole(value))
        return fail(Code::eat_malformed,
                    "a vector's " + printable(name) + " is not known, or no number of -128 to 127");
      const Tier tier = tier_of(value.get<std::int64_t>());
      if (tier != Tier::none) found_.status = std::max(found_.status, tier);
      note(name, tier);
    }
    return {};
  }

  void note(const std::string& aspect, Tier tier) {
    const bool doubted = tier == Tier::warning || tier == Tier::contraindicated;
    if (aspect == "hardware") {
      hardware_affirmed_ = hardware_affirmed_ || tier == Tier::affirming;
      hardware_doubted_ = hardware_doubted_ || doubted;
    } else if (aspect == "executables" || aspect == "configuration") {
      executables_affirmed_ =
          executables_affirmed_ || (aspect == "executables" && tier == Tier::affirming);
      boot_doubted_ = boot_doubted_ || doubted;
    }
  }

  static tl::unexpected<Error> refused(const std::string& why) {
    return fail(Code::eat_submods, "submods: " + why);
  }

  Appraisal found_;
  bool ear_claims_ = false;
  bool hardware_affirmed_ = false;
  bool hardware_doubted_ = false;
  bool executables_affirmed_ = false;
  bool boot_doubted_ = false;
  std::size_t count_ = 0;
};

}  // namespace

const char* name_of(Tier tier) { return tiers[static_cast<std::size_t>(tier)]; }

Tier tier_of(std::int64_t value) {
  constexpr std::int64_t affirming = 2;
  constexpr std::int64_t warning = 32;
  constexpr std::int64_t contraindicated = 96;
  // Numbers of a verifier's own run from -2 down as the others run from 2 up, one further.
  const std::int64_t size = value < -1 ? -value - (value < -affirming ? 1 : 0) : value;
  if (size >= contraindicated) return Tier::contraindicated;
  if (size >= warning) return Tier::warning;
  return size >= affirming ? Tier::affirming : Tier::none;
}

Result<Appraisal> appraise(const Json& claims) { return Appraiser().run(claims); }

Result<void> check_status(const Appraisal& appraisal, bool warning_too) {
  const bool good =
      appraisal.status == Tier::affirming || (warning_too && appraisal.status == Tier::warning);
  if (!appraisal.is_ear || good) return {};
  return fail(Code::eat_status, std::string("the verifier's word is ") + name_of(appraisal.status) +
                                    ", not affirming");
}

}  // namespace mintmark::attest::eat
