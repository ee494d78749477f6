#include "api/key_evidence.h"

#include <algorithm>

#include "api/answers.h"
#include "api/members.h"
#include "api/metadata.h"
#include "jose/base64url.h"

namespace mintmark::api {
namespace {

// TPM2B_ID_OBJECT is at most 2 + 2 + 64 + 2 + 64 octets, TPM2B_ENCRYPTED_SECRET 2 + 512 (an RSA EK
// of 4096 bits); Part 2, 12.4.3 and 11.4.3.
constexpr std::size_t longest_blob = 160;
constexpr std::size_t longest_secret = 514;

/// TPM2B (TPM 2.0 Part 2, 10.4): its size, in two octets, and so many.
bool is_sized(BytesView octets) {
  return octets.size() > 2 && (std::size_t{octets[0]} << 8U | octets[1]) == octets.size() - 2;
}

Result<Activation> activation_in(const Json& body) {
  jose::Members members(body, Code::activation_malformed, "");
  Activation wanted;
  wanted.kid = members.non_empty("kid");
  wanted.credential_blob = members.octets("credential_blob");
  wanted.encrypted_secret = members.octets("encrypted_secret");
  const auto index = body.find("ek_nv_index");
  if (index == body.end() || !index->is_number_unsigned() ||
      index->get<std::uint64_t>() > UINT32_MAX)
    members.refuse("ek_nv_index", "one of the evidence's");
  if (wanted.credential_blob.size() > longest_blob)
    members.refuse("credential_blob", "at most " + std::to_string(longest_blob) + " octets");
  if (wanted.encrypted_secret.size() > longest_secret)
    members.refuse("encrypted_secret", "at most " + std::to_string(longest_secret) + " octets");
  if (!is_sized(wanted.credential_blob))
    members.refuse("credential_blob", "a TPM2B_ID_OBJECT, of the size that it says");
  if (!is_sized(wanted.encrypted_secret))
    members.refuse("encrypted_secret", "a TPM2B_ENCRYPTED_SECRET, of the size that it says");
  if (members.error()) return tl::unexpected<Error>(*members.error());
  wanted.ek_nv_index = index->get<std::uint32_t>();
  return wanted;
}

bool names_ek(const Json& facts, std::uint32_t nv_index) {
  const auto eks = facts.find("ek");
  return eks != facts.end() && eks->is_array() &&
         std::any_of(eks->begin(), eks->end(),
                     [&](const Json& ek) { return ek.value("nv_index", Json()) == nv_index; });
}

/// Whether there is a TPM that could be asked at all.
Result<void> check_askable(const PublishedEvidence::Document* published, const Activation& wanted) {
  if (published == nullptr) return fail(Code::keys_not_ready, "the signing keys are not ready yet");
  const auto& keys = published->keys->keys();
  if (std::none_of(keys.begin(), keys.end(),
                   [&](const keyring::PublishedKey& key) { return key.kid() == wanted.kid; }))
    return fail(Code::key_not_found, "no key of that kid is published");
  const auto evidence = published->evidence.find(wanted.kid);
  if (evidence == published->evidence.end() || evidence->second.kind != "tpm2-certify")
    return fail(Code::activation_store,
                "no evidence of a TPM is known for that key: there is nothing to activate");
  if (!names_ek(evidence->second.facts, wanted.ek_nv_index))
    return fail(Code::activation_unavailable, "the evidence names no EK at that NV index");
  return {};
}

/// What was wrong with the credential is the asker's business, not the operator's.
Error for_stranger(const Error& error) {
  if (error.code != Code::tpm_credential_refused && error.code != Code::tpm_ek_mismatch)
    return error;
  return {Code::activation_refused,
          "the TPM does not open this credential: it was made for another EK or another "
          "attestation key, or is damaged",
          error.native};
}

}  // namespace

void PublishedEvidence::take_keys(std::shared_ptr<const keyring::Snapshot> keys) {
  keys_ = std::move(keys);
  std::erase_if(evidence_, [&](const auto& one) {
    return std::none_of(keys_->keys().begin(), keys_->keys().end(),
                        [&](const auto& key) { return key.kid() == one.first; });
  });
  publish();
}

void PublishedEvidence::take_evidence(const std::string& kid, hsm::KeyEvidence evidence) {
  evidence_[kid] = std::move(evidence);
  if (keys_) publish();
}

void PublishedEvidence::publish() {
  auto next = std::make_shared<Document>();
  next->text = keyring::evidence_document(issuer_, *keys_, evidence_)
                   .dump(-1, ' ', false, Json::error_handler_t::replace);
  next->etag = '"' + to_hex(BytesView(sha256(next->text)).first(16)) + '"';
  next->evidence = evidence_;
  next->keys = keys_;
  document_.store(std::move(next));
}

void add_key_evidence(http::Router& router, const std::string& path,
                      const PublishedEvidence& evidence, std::chrono::seconds max_age) {
  router.on("GET", path + "/.well-known/key-evidence",
            [&evidence, max_age](const http::Request& request, const http::Respond& respond) {
              const auto document = evidence.document();
              if (!document)
                return respond(
                    refusal(Error{Code::keys_not_ready, "the signing keys are not ready yet", 0}));
              respond(cacheable(request, document->text, document->etag, max_age));
            });
}

void add_key_activation(http::Router& router, const std::string& path,
                        const PublishedEvidence& evidence, ActivationLimit& limit,
                        AddressOf address_of, Activate activate) {
  router.on("POST", path + "/key-evidence/activate",
            [&evidence, &limit, address_of = std::move(address_of), activate = std::move(activate)](
                const http::Request& request, const http::Respond& respond) {
              const auto body = read_object(request);
              if (!body) return respond(refusal(body.error()));
              auto wanted = activation_in(*body);
              if (!wanted) return respond(refusal(wanted.error()));
              const auto document = evidence.document();
              if (auto askable = check_askable(document.get(), *wanted); !askable)
                return respond(refusal(askable.error()));
              const auto now = ActivationLimit::Clock::now();
              if (auto taken = limit.take(address_of(request), now); !taken)
                return respond(refusal(taken.error()));
              activate(std::move(*wanted), [respond](const Result<Bytes>& secret) {
                if (!secret) return respond(refusal(for_stranger(secret.error())));
                respond(fresh_json({{"secret", jose::base64url(*secret)}}));
              });
            });
}

}  // namespace mintmark::api
