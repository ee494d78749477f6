#include "attest/nitro/format.h"

#include "attest/binding.h"
#include "attest/nitro/document.h"
#include "attest/verdict_maker.h"
#include "attest/x509/vouched.h"
#include "jose/members.h"

namespace mintmark::attest::nitro {
namespace {

constexpr unsigned image_pcr = 0;
constexpr unsigned signer_pcr = 8;

std::string measured(const Document& document, unsigned index) {
  const auto pcr = document.pcrs.find(index);
  if (document.kind != Kind::enclave || pcr == document.pcrs.end()) return "";
  return pcr->second == Bytes(pcr->second.size()) ? "" : to_hex(pcr->second);
}

Facts facts_of(const Document& document, const x509::Chain& chain) {
  Facts facts;
  facts.format = "nitro";
  // The document carries the hash of the token's key; where that key lives is nobody's word.
  facts.key_protection = "unproven";
  x509::set_vouched(facts, chain);
  facts.manufacturer = "AWS";
  facts.model = document.kind == Kind::enclave ? "Nitro Enclave" : "NitroTPM";
  facts.pcr_bank = "sha384";
  for (const auto& [index, value] : document.pcrs) facts.pcrs[index] = to_hex(value);
  facts.more["module"] = document.module_id;
  if (const auto image = measured(document, image_pcr); !image.empty())
    facts.more["measurement"] = image;
  const auto signer = measured(document, signer_pcr);
  if (!signer.empty()) facts.more["application_signer"] = std::vector{signer};
  if (chain.standing != x509::Standing::trusted) return facts;
  if (!signer.empty()) facts.proves.emplace_back(proves::application);
  facts.proves.emplace_back(proves::boot_state);
  facts.proves.emplace_back(proves::hardware);
  return facts;
}

// The id is a claim: of which machine, says only who vouches.
std::string identity_of(const Document& document, const x509::Chain& chain) {
  const std::string voucher = x509::voucher_of(chain);
  return to_hex(hash_fields({as_bytes("nitro"), as_bytes(voucher), as_bytes(document.module_id)}));
}

class NitroDocuments final : public Format {
 public:
  explicit NitroDocuments(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "nitro"; }

  [[nodiscard]] Result<Verdict> check(const Submission& submission) const override {
    jose::Members members(submission.evidence, Code::evidence_member, "evidence.");
    const Bytes octets = members.octets("document");
    if (auto read = members.result(); !read) return pass_on(read);
    auto document = parse(octets);
    if (!document) return pass_on(document);
    if (auto time = check_time(*document, submission.at); !time) return pass_on(time);
    if (auto nonce = check_nonce(*document, submission.binding); !nonce) return pass_on(nonce);
    auto chain = check_chain(*document, *options_.trust);
    if (!chain) return pass_on(chain);
    if (auto right = check_signature(*document); !right) return pass_on(right);
    if (is_debug(*document))
      return fail(Code::nitro_debug,
                  "the enclave runs in debug mode: whoever started it reads its memory");
    return VerdictMaker::make(facts_of(*document, *chain), std::nullopt, submission.key,
                              identity_of(*document, *chain), submission.at);
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  if (!options.trust) return fail(Code::internal, "nitro documents need a trust");
  return std::unique_ptr<Format>(std::make_unique<NitroDocuments>(std::move(options)));
}

}  // namespace mintmark::attest::nitro
