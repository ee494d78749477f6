#include "issuer/device_news.h"

namespace mintmark::issuer {
namespace {

/// As check_standing has it, but for evidence that grows old in its time: that is no change.
bool is_compliant(const attest::RecordedDevice& device) {
  return device.state == "enrolled" && device.evidence_ended_why.empty();
}

bool is_attested_otherwise(const attest::Facts& before, const attest::Facts& now) {
  return before.format != now.format || before.key_protection != now.key_protection;
}

}  // namespace

std::vector<Json> news_of(const attest::RecordedDevice* before, const attest::RecordedDevice& now) {
  if (before == nullptr) return {};
  const bool was = is_compliant(*before);
  const bool is = is_compliant(now);
  if (was != is) {
    const bool by_admin = before->state == "revoked" || now.state == "revoked";
    return {{{"type", "compliance"},
             {"sub", now.id},
             {"compliant", is},
             {"by", by_admin ? "admin" : "policy"}}};
  }
  if (!is || !is_attested_otherwise(before->facts, now.facts)) return {};
  return {{{"type", "claims"},
           {"sub", now.id},
           {"claims",
            {{"attestation",
              {{"format", now.facts.format},
               {"at", to_unix(now.attested_at)},
               {"key_protection", now.facts.key_protection}}}}},
           {"by", "system"}}};
}

}  // namespace mintmark::issuer
