// Devices of each format, as the makers of tests/support make their evidence, and what an issuer is
// configured with to take it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/soft_key.h"

namespace mintmark::test {

struct Attester {
  virtual ~Attester() = default;
  [[nodiscard]] virtual Json evidence(const Sha256& binding, const SoftKey& token_key) = 0;

  std::string format;
  SoftKey key;                                  ///< The token's.
  Json configuration;                           ///< Of enrolment.FORMAT; names files below.
  std::map<std::string, Bytes> files;           ///< Name in the stack's directory -> content.
  std::map<std::string, Bytes> foreign_files;   ///< The same names, of another authority.
  std::map<std::string, Bytes> revoking_files;  ///< Likewise: this device is revoked by its maker.
  std::string refusal_when_revoked;             ///< "": there is no such list.
  std::vector<std::string> proves;
  Json rule_facts = Json::object();  ///< What the rule asks for.
  bool attests_the_key = false;      ///< The token's very key: it is made for the ticket.
  std::string key_protection = "unproven";
  std::string client_id;                                       ///< Once it is enrolled.
  std::string refusal_of_binding;                              ///< Codes.
  std::string refusal_of_root = "certificate_untrusted_root";  ///< "": the roots cannot be loaded.
};

[[nodiscard]] std::vector<std::string> attester_names();
[[nodiscard]] std::unique_ptr<Attester> make_attester(const std::string& format);

}  // namespace mintmark::test
