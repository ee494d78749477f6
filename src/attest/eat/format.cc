#include "attest/eat/format.h"

#include "attest/binding.h"
#include "attest/eat/appraisal.h"
#include "attest/eat/claims.h"
#include "attest/eat/token.h"
#include "attest/verdict_maker.h"
#include "jose/base64url.h"
#include "jose/members.h"

namespace mintmark::attest::eat {
namespace {

// The attester's name for the device, in a space of the attester's own: a verifier names no other
// one's devices.
std::string identity_of(const Token& token, const jose::PublicKey& key) {
  const std::string attester = token.attester.name();
  for (const char* name : {"ueid", "sub"}) {
    const std::string value = text_of(token.claims, name);
    if (!value.empty())
      return to_hex(
          hash_fields({as_bytes("eat"), as_bytes(attester), as_bytes(name), as_bytes(value)}));
  }
  return to_hex(hash_fields(
      {as_bytes("eat"), as_bytes(attester), as_bytes("jkt"), as_bytes(key.thumbprint())}));
}

void put(Facts& facts, const char* name, std::string text) {
  if (!text.empty()) facts.more[name] = std::move(text);
}

Facts facts_of(const Token& token, const Appraisal& appraisal) {
  Facts facts;
  facts.format = "eat";
  // The token carries the hash of the token's key; where that key lives is nobody's word.
  facts.key_protection = "unproven";
  // No certificate vouches: the configured key does.
  const std::string attester = printable(token.attester.name(), 256);
  facts.root = to_hex(jose::from_base64url(token.attester.key.thumbprint()).value_or(Bytes{}));
  facts.root_subject = attester;
  facts.standing = "trusted";
  put(facts, "attester", attester);
  put(facts, "measurement", measurement_of(token.claims));
  if (appraisal.is_ear) facts.more["attester_status"] = std::string(name_of(appraisal.status));
  if (appraisal.boot_state) facts.proves.emplace_back(proves::boot_state);
  if (appraisal.hardware) facts.proves.emplace_back(proves::hardware);
  return facts;
}

class ForeignResults final : public Format {
 public:
  ForeignResults(Options options, Keys keys)
      : options_(std::move(options)), keys_(std::move(keys)) {}
  [[nodiscard]] std::string name() const override { return "eat"; }

  [[nodiscard]] Result<Verdict> check(const Submission& submission) const override {
    auto token = token_in(submission.evidence);
    if (!token) return pass_on(token);
    const Json& claims = token->claims;
    if (auto us = check_audience(claims, options_.audience); !us) return pass_on(us);
    if (auto nonce = check_nonce(claims, submission.binding); !nonce) return pass_on(nonce);
    if (auto times = check_times(claims, submission.at); !times) return pass_on(times);
    if (auto debug = check_debug(claims); !debug) return pass_on(debug);
    auto appraisal = appraise(claims);
    if (!appraisal) return pass_on(appraisal);
    if (auto status = check_status(*appraisal, options_.warning); !status) return pass_on(status);
    return VerdictMaker::make(facts_of(*token, *appraisal), std::nullopt, submission.key,
                              identity_of(*token, submission.key), submission.at);
  }

 private:
  [[nodiscard]] Result<Token> token_in(const Json& evidence) const {
    jose::Members members(evidence, Code::evidence_member, "evidence.");
    if (evidence.is_object() && members.has("cwt") == members.has("token"))
      return fail(Code::evidence_member,
                  "evidence must hold one of token (a JWT) and cwt (base64url)");
    if (members.has("cwt")) {
      const Bytes octets = members.octets("cwt");
      if (auto read = members.result(); !read) return pass_on(read);
      return verify_cwt(octets, keys_);
    }
    const std::string compact = members.visible("token");
    if (auto read = members.result(); !read) return pass_on(read);
    return verify_jwt(compact, keys_);
  }

  Options options_;
  Keys keys_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  auto keys = Keys::parse(options.keys, options.issuers);
  if (!keys) return pass_on(keys);
  return std::unique_ptr<Format>(
      std::make_unique<ForeignResults>(std::move(options), std::move(*keys)));
}

}  // namespace mintmark::attest::eat
