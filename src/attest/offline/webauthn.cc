// WebAuthn attestation objects with their client data.
#include <array>
#include <cstdio>

#include "attest/offline/ceremony.h"
#include "attest/offline/parts.h"
#include "attest/offline/words.h"
#include "attest/webauthn/judge.h"
#include "attest/webauthn/tpm.h"
#include "jose/base64url.h"

namespace mintmark::attest::offline {
namespace {

using webauthn::AttestationObject;
using webauthn::ClientData;

struct Given {
  Bytes object;
  Bytes client;
  std::vector<Bytes> certificates;
};

std::string hex_number(const char* form, unsigned number) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), form, number);
  return text.data();
}

/// base64url as the specification has it, or the base64 that some libraries give.
std::optional<Bytes> octets_of(const Json& text) {
  if (!text.is_string()) return std::nullopt;
  const auto& encoded = text.get_ref<const std::string&>();
  auto octets = jose::from_base64url(encoded);
  if (!octets) octets = jose::from_base64(encoded);
  return octets ? std::optional(std::move(*octets)) : std::nullopt;
}

/// The members of a PublicKeyCredential as JSON (Level 3 §5.1): the same two once more.
Result<void> take_credential(const Json& response, std::vector<Bytes>& objects,
                             std::vector<Bytes>& clients) {
  for (const auto& [name, into] :
       {std::pair{"attestationObject", &objects}, {"clientDataJSON", &clients}}) {
    const auto found = response.find(name);
    if (found == response.end()) continue;
    auto octets = octets_of(*found);
    if (!octets)
      return fail(Code::evidence_files,
                  std::string("the credential's ") + name + " must be base64url");
    into->push_back(std::move(*octets));
  }
  return {};
}

Result<Given> given_in(const Question& question) {
  CeremonyFiles files = sort_ceremony(question.files);
  if (!files.messages.empty())
    return fail(Code::evidence_files, "a file is nothing that belongs to WebAuthn, or damaged");
  std::vector<Bytes> objects = std::move(files.others);
  std::vector<Bytes> clients;
  for (std::size_t i = 0; i < files.objects.size(); ++i) {
    const auto response = files.objects[i].find("response");
    if (response == files.objects[i].end() || !response->is_object()) {
      clients.push_back(files.texts[i]);
    } else if (auto taken = take_credential(*response, objects, clients); !taken) {
      return pass_on(taken);
    }
  }
  auto object = the_one(objects, "attestation object");
  if (!object) return pass_on(object);
  auto client = the_one(clients, "client data");
  if (!client) return pass_on(client);
  return Given{std::move(*object), std::move(*client), std::move(files.certificates)};
}

Json area_json(const tpm2::PublicArea& area) {
  const TPMT_PUBLIC& key = area.area;
  const bool rsa = key.type == TPM2_ALG_RSA;
  Json json = {{"type", rsa                        ? "rsa"
                        : key.type == TPM2_ALG_ECC ? "ecc"
                                                   : "other"},
               {"name_alg", bank_name(key.nameAlg)},
               {"attributes", attributes_text(key.objectAttributes)},
               {"auth_policy", to_hex(tpm2::view_of(key.authPolicy))},
               {"name", to_hex(area.name)}};
  constexpr std::uint32_t default_exponent = 65537;
  if (rsa) {
    const TPMS_RSA_PARMS& parameters = key.parameters.rsaDetail;
    json["scheme"] = hex_number("0x%04x", parameters.scheme.scheme);
    json["bits"] = parameters.keyBits;
    json["e"] = parameters.exponent == 0 ? default_exponent : parameters.exponent;
  } else if (key.type == TPM2_ALG_ECC) {
    json["scheme"] = hex_number("0x%04x", key.parameters.eccDetail.scheme.scheme);
    json["curve"] = hex_number("0x%04x", key.parameters.eccDetail.curveID);
  }
  return json;
}

void describe_statement(const cbor::Value& statement, Json& facts) {
  const auto algorithm = statement.find("alg");
  const auto number = algorithm ? algorithm->integer() : std::nullopt;
  facts["attstmt_alg"] = number ? Json(*number) : Json(nullptr);
  const auto certificates = webauthn::read_x5c(statement, Code::webauthn_statement);
  if (!certificates) return;
  const X509* leaf = certificates->leaf.get();
  facts["x5c_len"] = 1 + certificates->offered.size();
  facts["leaf_subject"] = subject_text(leaf);
  facts["leaf_not_before"] = utc_text(X509_get0_notBefore(leaf));
  facts["leaf_not_after"] = utc_text(X509_get0_notAfter(leaf));
}

void describe_tpm(const cbor::Value& statement, Json& facts) {
  const auto read = webauthn::read_tpm(statement);
  if (!read) return;
  facts["ver"] = "2.0";
  facts["pubarea"] = area_json(read->area);
  if (const auto certify = tpm2::parse_attest(read->certify, "certInfo"))
    facts["certinfo"] = attest_json(*certify);
}

Json describe(const AttestationObject& object, const ClientData& client) {
  Json facts = {
      {"fmt", object.format},
      {"client_data",
       {{"type", client.type}, {"challenge", client.challenge}, {"origin", client.origin}}},
      {"rp_id_hash", to_hex(object.data.rp_id_hash)},
      {"flags", hex_number("0x%02x", object.data.flags)},
      {"sign_count", object.data.sign_count}};
  if (const auto& credential = object.data.credential) {
    facts["aaguid"] = to_hex(credential->aaguid);
    facts["credential_id"] = to_hex(credential->id);
    facts["cose_alg"] = credential->key.algorithm;
    facts["cose_kty"] = credential->key.type;
  }
  describe_statement(object.statement, facts);
  if (object.format == "tpm") describe_tpm(object.statement, facts);
  return facts;
}

/// What has been checked once the statement holds.
void tell_what_holds(const std::string& format, Json& facts) {
  const bool has_signature = format != "apple" && format != "none";
  facts["signature_valid"] = has_signature ? Json(true) : Json(nullptr);
  if (format == "apple" || format == "android-key") facts["leaf_key_equals_cose"] = true;
  if (format == "apple") facts["nonce_in_ext_1.2.840.113635.100.8.2"] = true;
  if (format == "android-key") facts["key_description_challenge_is_client_data_hash"] = true;
  if (format != "tpm") return;
  for (const char* fact : {"extra_data_matches", "name_matches_pubarea", "pubarea_key_equals_cose"})
    facts[fact] = true;
}

webauthn::Expected expected_of(const Question& question) {
  webauthn::Expected expected{question.challenge, {}, {}};
  if (const auto found = question.expected.find("rp_id"); found != question.expected.end())
    expected.rp_ids.push_back(found->second);
  if (const auto found = question.expected.find("origin"); found != question.expected.end())
    expected.origins.push_back(found->second);
  return expected;
}

Judgement by_trust(webauthn::Judged bound, const AttestationObject& object, Json facts,
                   const Question& question) {
  webauthn::Rules rules;
  rules.trust = question.roots;
  rules.sha1 = question.allowed.count("sha1") != 0;
  rules.self = question.allowed.count("self") != 0;
  const bool certified = bound.proof.certificates.has_value();
  const auto judged = webauthn::check_trust(std::move(bound), object, rules, question.at);
  if (!judged) {
    const webauthn::Refusal& refusal = judged.error();
    if (certified && refusal.by_rule)
      facts["chain_to_known_root"] = refusal.error.code != Code::certificate_untrusted_root;
    return refused(refusal.error, std::move(facts), refusal.by_rule);
  }
  if (!judged->chain) return accepted(std::move(facts));
  facts["chain"] = x509::to_json(judged->chain->links);
  facts["standing"] = x509::name_of(judged->chain->standing);
  const bool trusted = judged->chain->standing == x509::Standing::trusted;
  facts["chain_to_known_root"] = judged->chain->root != x509::unknown_root;
  if (trusted) return accepted(std::move(facts));
  return refused({Code::certificate_untrusted_root, "the root of this chain is under review"},
                 std::move(facts), true);
}

}  // namespace

Judgement judge_webauthn(const Question& question) {
  const auto given = given_in(question);
  if (!given) return refused(given.error(), Json::object());
  const auto object = webauthn::parse_attestation_object(given->object);
  if (!object) return refused(object.error(), Json::object());
  const auto client = webauthn::parse_client_data(given->client);
  if (!client) return refused(client.error(), Json::object());
  Json facts = describe(*object, *client);
  const webauthn::Expected expected = expected_of(question);
  auto bound = webauthn::check_bindings(*object, *client, expected);
  const bool nothing_attested = !bound && (bound.error().code == Code::webauthn_none ||
                                           bound.error().code == Code::webauthn_format_unknown);
  if (!bound && !nothing_attested) return refused(bound.error(), std::move(facts));
  if (!expected.rp_ids.empty()) facts["rp_id_hash_matches"] = true;
  if (bound || bound.error().code == Code::webauthn_none) tell_what_holds(object->format, facts);
  if (nothing_attested || question.roots == nullptr) return parsed(std::move(facts));
  if (bound->proof.certificates) offer(*bound->proof.certificates, given->certificates);
  return by_trust(std::move(*bound), *object, std::move(facts), question);
}

}  // namespace mintmark::attest::offline
