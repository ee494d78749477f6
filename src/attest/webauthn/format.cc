#include "attest/webauthn/format.h"

#include "attest/binding.h"
#include "attest/verdict_maker.h"
#include "attest/webauthn/judge.h"
#include "attest/x509/vouched.h"
#include "jose/members.h"

namespace mintmark::attest::webauthn {
namespace {

class WebAuthn final : public Format {
 public:
  WebAuthn(Options options, std::optional<Metadata> metadata,
           std::optional<android_key::RevocationList> revocations)
      : options_(std::move(options)),
        metadata_(std::move(metadata)),
        revocations_(std::move(revocations)) {}
  [[nodiscard]] std::string name() const override { return "webauthn"; }
  [[nodiscard]] Result<Verdict> check(const Submission& submission) const override;

 private:
  [[nodiscard]] Rules rules() const {
    return {options_.trust.get(),  metadata_ ? &*metadata_ : nullptr,
            options_.mds_required, revocations_ ? &*revocations_ : nullptr,
            options_.sha1,         options_.self};
  }

  Options options_;
  std::optional<Metadata> metadata_;
  std::optional<android_key::RevocationList> revocations_;
};

std::string identity_of(const Judged& judged, const AttestationObject& object) {
  const std::string voucher = judged.chain ? x509::voucher_of(*judged.chain) : "self";
  return to_hex(
      hash_fields({as_bytes("webauthn"), as_bytes(voucher), object.data.credential->spki}));
}

Facts facts_of(const Judged& judged, const AttestationObject& object) {
  Facts facts;
  facts.format = "webauthn";
  facts.key_protection = "unproven";
  facts.manufacturer = judged.proof.manufacturer;
  facts.model = judged.proof.model;
  facts.version = judged.proof.version;
  if (judged.chain) {
    x509::set_vouched(facts, *judged.chain);
    if (judged.chain->standing == x509::Standing::trusted)
      facts.proves.emplace_back(proves::hardware);
  } else {
    facts.root = x509::unknown_root;
    facts.standing = x509::name_of(x509::Standing::review);
  }
  if (judged.proof.attested_model || judged.authenticator != nullptr)
    facts.more["aaguid"] = uuid_of(object.data.credential->aaguid);
  facts.more["application"] = std::vector<std::string>{"rp:" + judged.rp_id};
  facts.more["user_verified"] = object.data.user_verified() && judged.proof.attested_flags;
  if (judged.authenticator == nullptr) return facts;
  const std::string& certified = judged.authenticator->certified;
  facts.more["certified_by_fido"] = certified.empty() ? "NOT_FIDO_CERTIFIED" : certified;
  if (facts.model.empty()) facts.model = judged.authenticator->description;
  return facts;
}

Result<Verdict> WebAuthn::check(const Submission& submission) const {
  jose::Members members(submission.evidence, Code::evidence_member, "evidence.");
  const Bytes object_octets = members.octets("attestation_object");
  const Bytes client_octets = members.octets("client_data_json");
  if (members.error()) return tl::unexpected<Error>(*members.error());
  const auto object = parse_attestation_object(object_octets);
  if (!object) return tl::unexpected<Error>(object.error());
  const auto client = parse_client_data(client_octets);
  if (!client) return tl::unexpected<Error>(client.error());
  auto bound = check_bindings(*object, *client,
                              {to_bytes(submission.binding), options_.rp_ids, options_.origins});
  if (!bound) return pass_on(bound);
  const auto judged = check_trust(std::move(*bound), *object, rules(), submission.at);
  if (!judged) return tl::unexpected<Error>(judged.error().error);
  Facts facts = facts_of(*judged, *object);
  if (object->format == "android-key" && !revocations_)
    facts.more["not_evaluated"] = std::vector<std::string>{"revocation"};
  return VerdictMaker::make(std::move(facts), std::nullopt, submission.key,
                            identity_of(*judged, *object), submission.at);
}

Result<void> check_options(const Options& options) {
  if (options.rp_ids.empty() || options.origins.empty())
    return fail(Code::config_invalid,
                "webauthn needs at least one relying party id and one origin");
  if (!options.trust && options.mds.empty())
    return fail(Code::config_invalid, "webauthn needs roots of authenticators' makers, or a blob");
  if (!options.mds.empty() && !options.mds_trust)
    return fail(Code::config_invalid, "webauthn needs the root of who signed FIDO's metadata");
  if (options.mds.empty() && options.mds_required)
    return fail(Code::config_invalid, "webauthn needs FIDO's metadata if it requires them");
  return {};
}

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  if (auto good = check_options(options); !good) return pass_on(good);
  std::optional<Metadata> metadata;
  if (!options.mds.empty()) {
    auto parsed = Metadata::parse(options.mds, *options.mds_trust, options.mds_signer, options.at);
    if (!parsed) return pass_on(parsed);
    metadata = std::move(*parsed);
    options.mds.clear();  // Megabytes, and read.
  }
  std::optional<android_key::RevocationList> revocations;
  if (!options.revocation_list.empty()) {
    auto parsed = android_key::RevocationList::parse(options.revocation_list);
    if (!parsed) return pass_on(parsed);
    revocations = std::move(*parsed);
    options.revocation_list.clear();  // Likewise.
  }
  return std::unique_ptr<Format>(
      std::make_unique<WebAuthn>(std::move(options), std::move(metadata), std::move(revocations)));
}

}  // namespace mintmark::attest::webauthn
