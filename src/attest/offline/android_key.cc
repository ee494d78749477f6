// The certificate chain of an Android key, as PEM or DER, and beside it, if wanted, Google's list
// of what is revoked.
#include <algorithm>
#include <array>
#include <ctime>

#include "attest/android_key/attestation.h"
#include "attest/offline/parts.h"

namespace mintmark::attest::offline {
namespace {

namespace android = android_key;

Bytes der_of(const X509* certificate) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate, &octets);
  Bytes der;
  if (length > 0) der.assign(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

bool issued(const X509* issuer, const X509* certificate) {
  return issuer != certificate &&
         X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0;
}

// The one that issued none of the others first, and so on; files may come in any order.
void put_in_order(std::vector<x509::Certificate>& certificates) {
  for (std::size_t at = 0; at + 1 < certificates.size(); ++at) {
    const auto rest = certificates.begin() + static_cast<std::ptrdiff_t>(at);
    const auto next = std::find_if(rest, certificates.end(), [&](const auto& candidate) {
      return std::none_of(rest, certificates.end(),
                          [&](const auto& other) { return issued(candidate.get(), other.get()); });
    });
    if (next != certificates.end()) std::iter_swap(rest, next);
  }
}

struct Given {
  std::vector<x509::Certificate> certificates;  ///< One at least.
  std::optional<android::RevocationList> revocations;
};

bool is_json_object(BytesView file) {
  const std::string_view text = as_text(file);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

Result<void> add_list(BytesView file, Given& given) {
  if (given.revocations)
    return fail(Code::evidence_files, "two lists of revoked certificates are given: one is wanted");
  auto list = android::RevocationList::parse(as_text(file));
  if (!list) return pass_on(list);
  given.revocations = std::move(*list);
  return {};
}

Result<void> add_certificates(BytesView file, Given& given) {
  auto found = x509::certificates_in(file);
  if (found.empty() || given.certificates.size() + found.size() > android::most_certificates)
    return fail(Code::evidence_files,
                "one to eight certificates are judged, PEM or DER, and Google's status list");
  std::move(found.begin(), found.end(), std::back_inserter(given.certificates));
  return {};
}

Result<Given> given_by(const Question& question) {
  Given given;
  std::size_t files_of_certificates = 0;
  for (const Bytes& file : question.files) {
    const bool list = is_json_object(file);
    auto added = list ? add_list(file, given) : add_certificates(file, given);
    if (!added) return pass_on(added);
    files_of_certificates += list ? 0 : 1;
  }
  if (given.certificates.empty())
    return fail(Code::evidence_files, "the certificates of a key are wanted, PEM or DER");
  if (files_of_certificates > 1) put_in_order(given.certificates);
  return given;
}

// "2048-01-01 00:00:00+00:00"
std::string time_text(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 40> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S+00:00", &parts);
  return {text.data(), length};
}

Json facts_of_certificates(const std::vector<x509::Certificate>& certificates) {
  const X509* leaf = certificates.front().get();
  Json facts = {{"certs_in_file", certificates.size()},
                {"leaf_not_before", time_text(X509_get0_notBefore(leaf))},
                {"leaf_not_after", time_text(X509_get0_notAfter(leaf))},
                {"intermediate_not_after", Json::array()}};
  facts["link_signatures"] = android::link_signatures(certificates);
  for (std::size_t i = 1; i < certificates.size(); ++i)
    facts["intermediate_not_after"].push_back(time_text(X509_get0_notAfter(certificates[i].get())));
  return facts;
}

void tell_description(const X509* leaf, Json& facts) {
  const auto extension = android::key_description_in(leaf);
  if (!extension) return;
  const auto description = android::parse_key_description(*extension);
  if (!description) return;
  facts["key_description"] = android::to_json(*description);
  for (const char* name :
       {"attestationVersion", "attestationSecurityLevel", "keyMintSecurityLevel"})
    facts[name] = facts["key_description"][name];
  facts["attestationChallenge_b64"] = facts["key_description"]["attestationChallenge"];
  if (const auto* root = description->hardware_enforced.root_of_trust())
    facts["rootOfTrust"] = android::to_json(*root);
}

void tell_attested(const android::Attested& attested, Json& facts) {
  const Facts told = android::facts_of(attested);
  facts["chain"] = x509::to_json(attested.chain.links);
  facts["standing"] = told.standing;
  facts["proves"] = told.proves;
  facts["facts"] = Json::object();
  for (const auto& [name, value] : told.more) facts["facts"][name] = attest::to_json(value);
  facts["provisioning"] =
      attested.provisioning == android::Provisioning::factory ? "factory" : "remote";
}

Judgement judge_chain(const android::KeyChain& chain, const Question& question, const Given& given,
                      Json facts) {
  if (!given.revocations) facts["not_evaluated"] = Json::array({"revocation"});
  android::Terms terms;
  terms.trust = question.roots;
  if (question.allowed.count("software") != 0) terms.software = question.roots;
  terms.revocations = given.revocations ? &*given.revocations : nullptr;
  terms.at = question.at;
  if (question.challenge) terms.challenge = *question.challenge;
  const auto attested = android::check_attestation(chain, terms);
  if (!attested)
    return refused(attested.error(), std::move(facts),
                   android::refused_by_rule(attested.error().code));
  tell_attested(*attested, facts);
  if (attested->chain.standing == x509::Standing::trusted) return accepted(std::move(facts));
  return refused({Code::certificate_untrusted_root, "the root of this chain is under review"},
                 std::move(facts));
}

}  // namespace

Judgement judge_android_key(const Question& question) {
  const auto given = given_by(question);
  if (!given) return refused(given.error(), Json::object());
  const auto& certificates = given->certificates;
  Json facts = facts_of_certificates(certificates);
  tell_description(certificates.front().get(), facts);
  std::vector<Bytes> octets;
  for (const auto& certificate : certificates) octets.push_back(der_of(certificate.get()));
  const auto chain = android::parse_key_chain(octets);
  if (question.roots == nullptr) return parsed(std::move(facts));
  if (!chain) return refused(chain.error(), std::move(facts));
  return judge_chain(*chain, question, *given, std::move(facts));
}

}  // namespace mintmark::attest::offline
