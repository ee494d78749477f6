#include "keyring/signing_algorithms.h"

#include <set>

namespace mintmark::keyring {

std::string to_string(const KeyKind& kind) {
  return std::string(hsm::name_of(kind.purpose)) + " " + std::string(jose::name_of(kind.algorithm));
}

jose::Algorithm SigningAlgorithms::of_token_for(std::string_view audience) const {
  const auto found = by_audience.find(audience);
  return found == by_audience.end() ? usual : found->second;
}

std::vector<KeyKind> SigningAlgorithms::wanted() const {
  std::set<KeyKind> kinds{{hsm::Purpose::access_token, usual},
                          {hsm::Purpose::client_attestation, usual},
                          {hsm::Purpose::status_list, usual},
                          {hsm::Purpose::event, usual}};
  for (const auto& [audience, algorithm] : by_audience)
    kinds.insert({hsm::Purpose::access_token, algorithm});
  if (results) kinds.insert({hsm::Purpose::result, usual});
  return {kinds.begin(), kinds.end()};
}

}  // namespace mintmark::keyring
