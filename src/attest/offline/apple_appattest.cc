// App Attest: an attestation object, an assertion, or both; the receipt beside them.
#include "attest/apple_appattest/attestation.h"
#include "attest/apple_appattest/format.h"
#include "attest/offline/ceremony.h"
#include "attest/offline/parts.h"
#include "jose/base64url.h"

namespace mintmark::attest::offline {
namespace {

using apple_appattest::Assertion;
using apple_appattest::Attestation;
using apple_appattest::Expected;

struct Given {
  std::optional<Attestation> attestation;
  std::optional<Assertion> assertion;
  std::vector<Bytes> certificates;
  Json context = Json::object();  ///< What an app's server knows: "team_id", "client_data_b64", …
};

/// What the question expects, else what the context says.
struct Asked {
  Expected expected;
  std::string environment;
};

tl::unexpected<Error> bad_word(const std::string& name, const std::string& right) {
  return fail(Code::evidence_option_unknown, name + " must be " + right);
}

Result<Given> given_in(const Question& question) {
  CeremonyFiles files = sort_ceremony(question.files);
  Given given;
  given.certificates = std::move(files.certificates);
  if (files.objects.size() > 1 || files.others.size() > 2)
    return fail(Code::evidence_files, "one attestation, one assertion and one context are judged");
  if (!files.objects.empty()) given.context = std::move(files.objects[0]);
  for (const Bytes& file : files.others) {
    if (apple_appattest::is_assertion(file) && !given.assertion) {
      auto assertion = apple_appattest::parse_assertion(file);
      if (!assertion) return pass_on(assertion);
      given.assertion = std::move(*assertion);
    } else if (!given.attestation) {
      auto attestation = apple_appattest::parse_attestation(file);
      if (!attestation) return pass_on(attestation);
      given.attestation = std::move(*attestation);
    } else {
      return fail(Code::evidence_files, "two files are to be the attestation");
    }
  }
  if (!given.attestation && !given.assertion)
    return fail(Code::evidence_files, "there is neither an attestation nor an assertion");
  for (const Bytes& receipt : files.messages) {
    if (!given.attestation || receipt != given.attestation->receipt)
      return fail(Code::evidence_files, "the receipt is not the attestation's, or damaged");
  }
  return given;
}

std::string word(const Question& question, const Json& context, const char* name,
                 const char* in_context) {
  if (const auto found = question.expected.find(name); found != question.expected.end())
    return found->second;
  const auto found = context.find(in_context);
  return found != context.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<std::optional<Bytes>> client_data_hash(const Question& question, const Json& context) {
  if (question.challenge) return question.challenge;
  if (const auto found = question.expected.find("client_data"); found != question.expected.end()) {
    const auto octets = from_hex(found->second);
    if (!octets) return bad_word("client_data", "hexadecimal");
    const Sha256 hash = sha256(*octets);
    return Bytes(hash.begin(), hash.end());
  }
  const std::string text = word(question, context, "", "client_data_b64");
  if (text.empty()) return std::optional<Bytes>();
  const auto octets = jose::from_base64(text);
  if (!octets) return bad_word("client_data_b64", "base64");
  const Sha256 hash = sha256(*octets);
  return Bytes(hash.begin(), hash.end());
}

Result<Asked> asked_in(const Question& question, const Json& context) {
  Asked asked;
  auto hash = client_data_hash(question, context);
  if (!hash) return pass_on(hash);
  asked.expected.client_data_hash = std::move(*hash);
  std::string app = word(question, context, "app_id", "app_id");
  if (app.empty()) {
    const std::string team = word(question, context, "", "team_id");
    const std::string bundle = word(question, context, "", "bundle_id");
    if (!team.empty() && !bundle.empty()) app = team + "." + bundle;
  }
  if (!app.empty()) asked.expected.app_ids.push_back(app);
  if (const std::string id = word(question, context, "key_id", "key_id_b64"); !id.empty()) {
    auto octets = jose::from_base64(id);
    if (!octets) return bad_word("key_id", "base64");
    asked.expected.key_id = std::move(*octets);
  }
  asked.environment = word(question, context, "environment", "environment");
  if (asked.environment.empty()) asked.environment = "production";
  if (asked.environment != "production" && asked.environment != "development")
    return bad_word("environment", "production or development");
  return asked;
}

Json describe(const Attestation& attestation) {
  const X509* leaf = attestation.certificates.leaf.get();
  const webauthn::Aaguid& aaguid = attestation.credential().aaguid;
  const std::string_view text = as_text(aaguid);
  return {{"leaf_not_before", utc_text(X509_get0_notBefore(leaf))},
          {"leaf_not_after", utc_text(X509_get0_notAfter(leaf))},
          {"leaf_subject", subject_text(leaf)},
          {"rp_id_hash", to_hex(attestation.data.rp_id_hash)},
          {"counter", attestation.data.sign_count},
          {"aaguid", apple_appattest::environment_of(aaguid)
                         ? std::string(text.substr(0, text.find('\0')))
                         : to_hex(aaguid)},
          {"credential_id", to_hex(attestation.credential().id)}};
}

/// The attestation without its chain.
Result<void> bindings(const Attestation& attestation, const Expected& expected, Json& facts) {
  const auto app = apple_appattest::check_attestation(attestation, expected);
  if (!app) return tl::unexpected<Error>(app.error());
  if (expected.client_data_hash) facts["nonce_in_ext_1.2.840.113635.100.8.2"] = true;
  facts["key_id_matches_sha256_of_public_key"] = true;
  if (!app->empty()) facts["app_id"] = *app;
  facts["environment"] =
      apple_appattest::name_of(*apple_appattest::environment_of(attestation.credential().aaguid));
  facts["receipt_cms_signature_valid"] = nullptr;
  if (attestation.receipt.empty()) return {};
  if (auto receipt = apple_appattest::check_receipt(attestation.receipt); !receipt) return receipt;
  facts["receipt_cms_signature_valid"] = true;
  return {};
}

/// The attested key's; alone nobody vouches for its key.
Result<void> check_beside(const Given& given, const Expected& expected, Json& facts) {
  facts["assertion"] = {{"counter", given.assertion->data.sign_count},
                        {"rp_id_hash", to_hex(given.assertion->data.rp_id_hash)}};
  if (!given.attestation || !expected.client_data_hash) return {};
  const auto app = apple_appattest::check_assertion(*given.assertion,
                                                    given.attestation->credential().spki, expected);
  if (!app) return tl::unexpected<Error>(app.error());
  facts["assertion"]["signature_valid"] = true;
  return {};
}

}  // namespace

Judgement judge_apple_appattest(const Question& question) {
  auto given = given_in(question);
  if (!given) return refused(given.error(), Json::object());
  const auto asked = asked_in(question, given->context);
  if (!asked) return refused(asked.error(), Json::object());
  Json facts = given->attestation ? describe(*given->attestation) : Json::object();
  if (given->assertion) {
    if (auto good = check_beside(*given, asked->expected, facts); !good)
      return refused(good.error(), std::move(facts));
  }
  if (!given->attestation) return parsed(std::move(facts));
  // Where an assertion is judged, the client data are its own and not those of the attestation.
  Expected expected = asked->expected;
  if (given->assertion) expected.client_data_hash.reset();
  Attestation& attestation = *given->attestation;
  if (question.roots != nullptr) {
    offer(attestation.certificates, given->certificates);
    const auto chain = apple_appattest::check_chain(
        attestation, *question.roots, apple_appattest::apple_root_digest, question.at);
    if (!chain) return refused(chain.error(), std::move(facts));
    facts["chain"] = x509::to_json(chain->links);
    facts["standing"] = x509::name_of(chain->standing);
  }
  if (auto good = bindings(attestation, expected, facts); !good)
    return refused(good.error(), std::move(facts));
  if (question.roots == nullptr || !asked->expected.client_data_hash)
    return parsed(std::move(facts));
  if (facts["standing"] != "trusted")
    return refused({Code::appattest_root, "the root is under review"}, std::move(facts), true);
  if (facts["environment"] != asked->environment)
    return refused({Code::appattest_environment,
                    "the key is of the environment " + facts["environment"].get<std::string>() +
                        ", and " + asked->environment + " was asked for"},
                   facts, true);
  return accepted(std::move(facts));
}

}  // namespace mintmark::attest::offline
