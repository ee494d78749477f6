// A policy that uses every member, and a device that fits its first rule.
#pragma once

#include <stdexcept>
#include <string>

#include "attest/standing.h"
#include "policy/policy.h"

namespace mintmark::policy::test {

inline const std::string root_a(64, 'a');
inline const std::string pcr_7(64, '7');

inline const std::string sample = R"({
  // Sensors in Berlin.
  "rules": [
    {
      "name": "sensors",
      "match": {
        "format": "tpm2",
        "key_protection": "hardware",
        "manufacturer": ["id:00001014", "id:49465800"],
        "root": [")" + root_a + R"("],
        "model": ["swtpm"],
        "labels": {"site": "berlin"},
        "pcrs": {"7": [")" + pcr_7 +
                                  R"("]}
      },
      "grant": [
        {"audience": "https://api.example", "scopes": ["read", "write"], "longest_life_seconds": 200},
        {"audience": "https://log.example", "scopes": ["append"]}
      ],
      "default_audience": "https://api.example"
    },
    {
      "name": "all the others",
      "match": {"format": "tpm2"},
      "grant": [{"audience": "https://time.example", "scopes": ["read"]}]
    }
  ]
}
)";

inline attest::RecordedDevice fitting_device() {
  attest::RecordedDevice device;
  device.id = "d1";
  device.state = "enrolled";
  device.jkt = "jkt";
  device.facts.format = "tpm2";
  device.facts.key_protection = "hardware";
  device.facts.manufacturer = "id:00001014";
  device.facts.root = root_a;
  device.facts.model = "swtpm";
  device.facts.pcr_bank = "sha256";
  device.facts.pcrs = {{0, std::string(64, '0')}, {7, pcr_7}};
  device.labels = {{"site", "berlin"}, {"floor", "2"}};
  device.attested_at = from_unix(1'800'000'000);
  return device;
}

/// The text with the first `from` replaced; throws if it is not there, so that no test breaks
/// nothing.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

inline Policy policy_of(const std::string& text) {
  auto policy = Policy::from_text("policy.json", text);
  if (!policy) throw std::runtime_error(policy.error().to_string());
  return *policy;
}

/// The decision for a device in good standing.
inline Result<Grant> decide(const Policy& policy, const attest::RecordedDevice& device,
                            const TokenRequest& request,
                            std::chrono::seconds longest = std::chrono::seconds(300)) {
  auto standing =
      attest::check_standing(device, device.jkt, std::chrono::hours(1), device.attested_at);
  if (!standing) throw std::runtime_error(standing.error().to_string());
  return policy.decide(*standing, request, longest);
}

}  // namespace mintmark::policy::test
