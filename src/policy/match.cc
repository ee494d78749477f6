#include <algorithm>

#include "policy/rules.h"

namespace mintmark::policy {
namespace {

using Texts = std::vector<std::string>;

bool holds(const Texts& allowed, const std::string& value) {
  return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
}

bool fits(const std::optional<std::string>& wanted, const std::string& value) {
  return !wanted || *wanted == value;
}

bool fits(const Texts& allowed, const std::string& value) {
  return allowed.empty() || holds(allowed, value);
}

// "id:" and hexadecimal digits, which vendors write in either case.
bool fits_manufacturer(const Texts& allowed, std::string id) {
  std::transform(id.begin(), id.end(), id.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return fits(allowed, id);
}

bool fits(const std::map<std::string, std::string>& wanted,
          const std::map<std::string, std::string>& labels) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

bool fits(const std::map<unsigned, Texts>& wanted, const attest::Facts& facts) {
  if (wanted.empty()) return true;
  if (facts.pcr_bank != "sha256") return false;
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& pcr) {
    const auto found = facts.pcrs.find(pcr.first);
    return found != facts.pcrs.end() && holds(pcr.second, found->second);
  });
}

}  // namespace

bool Match::matches(const attest::RecordedDevice& device) const {
  const attest::Facts& facts = device.facts;
  return fits(format, facts.format) && fits(key_protection, facts.key_protection) &&
         fits_manufacturer(manufacturers, facts.manufacturer) && fits(roots, facts.root) &&
         fits(models, facts.model) && fits(labels, device.labels) && fits(pcrs, facts);
}

const AudienceGrant* Rule::grant_for(const std::string& audience) const {
  const auto found = std::find_if(grants.begin(), grants.end(), [&](const AudienceGrant& grant) {
    return grant.audience == audience;
  });
  return found == grants.end() ? nullptr : &*found;
}

}  // namespace mintmark::policy
