#include "attest/apple_appattest/format.h"

#include <algorithm>
#include <charconv>

#include "attest/apple_appattest/attestation.h"
#include "attest/verdict_maker.h"
#include "attest/x509/vouched.h"
#include "jose/base64url.h"
#include "jose/members.h"

namespace mintmark::attest::apple_appattest {
namespace {

constexpr const char* format_name = "apple-appattest";
// In Facts::memory.
constexpr const char* memory_key = "public_key";  ///< SubjectPublicKeyInfo, base64url.
constexpr const char* memory_counter = "counter";

class AppAttest final : public Format {
 public:
  explicit AppAttest(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return format_name; }
  [[nodiscard]] Result<Verdict> check(const Submission& submission) const override {
    return submission.evidence.contains("assertion") ? check_known(submission)
                                                     : check_new(submission);
  }
  [[nodiscard]] Result<void> follows(const Facts& before, const Facts& now) const override;

 private:
  [[nodiscard]] Result<Verdict> check_new(const Submission& submission) const;
  [[nodiscard]] Result<Verdict> check_known(const Submission& submission) const;
  [[nodiscard]] Result<void> check_environment(const std::string& environment) const;
  [[nodiscard]] Result<x509::Standing> standing_today(const Facts& facts) const;
  [[nodiscard]] Result<Facts> facts_of_known(const Submission& submission,
                                             const std::string& id) const;

  Options options_;
};

std::string text_of(const Facts& facts, const std::string& name) {
  const auto found = facts.more.find(name);
  const auto* text = found == facts.more.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text == nullptr ? std::string() : *text;
}

std::optional<std::uint32_t> counter_of(const Facts& facts) {
  const auto found = facts.memory.find(memory_counter);
  if (found == facts.memory.end()) return std::nullopt;
  const std::string& text = found->second;
  std::uint32_t counter = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), counter);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return counter;
}

void tell_standing(x509::Standing standing, Facts& facts) {
  facts.standing = x509::name_of(standing);
  facts.proves.clear();
  if (standing == x509::Standing::trusted) facts.proves = {proves::application, proves::hardware};
}

Verdict verdict_of(Facts facts, const Submission& submission, BytesView spki) {
  return VerdictMaker::make(std::move(facts), std::nullopt, submission.key, to_hex(sha256(spki)),
                            submission.at);
}

Result<void> AppAttest::check_environment(const std::string& environment) const {
  if (environment == name_of(Environment::production) || options_.development) return {};
  return fail(Code::appattest_environment,
              "the key is of the development environment; the operator can take such ones");
}

Result<Verdict> AppAttest::check_new(const Submission& submission) const {
  jose::Members members(submission.evidence, Code::evidence_member, "evidence.");
  const Bytes key_id = members.octets("key_id");
  const Bytes object = members.octets("attestation_object");
  if (members.error()) return tl::unexpected<Error>(*members.error());
  const auto attestation = parse_attestation(object);
  if (!attestation) return tl::unexpected<Error>(attestation.error());
  auto chain = check_chain(*attestation, *options_.trust, options_.root_digest, submission.at);
  if (!chain) return pass_on(chain);
  const auto app =
      check_attestation(*attestation, {to_bytes(submission.binding), options_.app_ids, key_id});
  if (!app) return tl::unexpected<Error>(app.error());
  const webauthn::AttestedCredential& credential = attestation->credential();
  const std::string environment = name_of(*environment_of(credential.aaguid));
  if (auto good = check_environment(environment); !good) return pass_on(good);

  Facts facts;
  facts.format = format_name;
  facts.key_protection = "unproven";
  facts.manufacturer = "Apple";
  x509::set_vouched(facts, *chain);
  tell_standing(chain->standing, facts);
  facts.more["application"] = std::vector<std::string>{*app};
  facts.more["environment"] = environment;
  facts.memory[memory_key] = jose::base64url(credential.spki);
  facts.memory[memory_counter] = "0";
  return verdict_of(std::move(facts), submission, credential.spki);
}

/// By the rules of today for those who vouched then. The last certificate's decides, as its digest
/// is pinned; one that is refused refuses wherever it stands.
Result<x509::Standing> AppAttest::standing_today(const Facts& facts) const {
  const x509::RootRule* rule = options_.trust->rule_of(facts.root);
  if (facts.root != options_.root_digest || rule == nullptr)
    return fail(Code::appattest_root, "the device was vouched for by another root");
  const auto refused = [&](const std::string& digest) {
    const x509::RootRule* one = options_.trust->rule_of(digest);
    return one != nullptr && *one == x509::RootRule::refuse;
  };
  const bool any = std::any_of(facts.chain.begin(), facts.chain.end(),
                               [&](const ChainLink& link) { return refused(link.sha256); });
  if (any || refused(facts.root))
    return fail(Code::appattest_root, "the operator refuses now what that root signed");
  return *rule == x509::RootRule::trust ? x509::Standing::trusted : x509::Standing::review;
}

/// What was attested once holds under the rules of today too.
Result<Facts> AppAttest::facts_of_known(const Submission& submission, const std::string& id) const {
  const auto device = submission.known ? submission.known(id) : nullptr;
  if (!device || device->facts.format != format_name)
    return fail(Code::appattest_unknown_device,
                "no device of that client_id attested here by App Attest: attest first");
  Facts facts = device->facts;
  auto standing = standing_today(facts);
  if (!standing) return pass_on(standing);
  tell_standing(*standing, facts);
  if (auto good = check_environment(text_of(facts, "environment")); !good) return pass_on(good);
  return facts;
}

Result<Verdict> AppAttest::check_known(const Submission& submission) const {
  jose::Members members(submission.evidence, Code::evidence_member, "evidence.");
  const std::string id = members.non_empty("client_id");
  const Bytes octets = members.octets("assertion");
  if (members.error()) return tl::unexpected<Error>(*members.error());
  const auto assertion = parse_assertion(octets);
  if (!assertion) return tl::unexpected<Error>(assertion.error());
  auto facts = facts_of_known(submission, id);
  if (!facts) return pass_on(facts);
  const auto spki = jose::from_base64url(facts->memory[memory_key]);
  const auto known = facts->more.find("application");
  const auto* apps =
      known == facts->more.end() ? nullptr : std::get_if<std::vector<std::string>>(&known->second);
  const auto last = counter_of(*facts);
  if (!spki || spki->empty() || apps == nullptr || !last)
    return fail(Code::appattest_unknown_device, "the device's record lacks its attested key");
  const auto app = check_assertion(*assertion, *spki,
                                   {to_bytes(submission.binding), options_.app_ids, std::nullopt});
  if (!app) return tl::unexpected<Error>(app.error());
  if (*apps != std::vector<std::string>{*app})
    return fail(Code::appattest_app_id, "the key was attested for another app");
  if (assertion->data.sign_count <= *last)
    return fail(Code::appattest_counter, "the assertion's counter did not grow");
  facts->memory[memory_counter] = std::to_string(assertion->data.sign_count);
  return verdict_of(std::move(*facts), submission, *spki);
}

Result<void> AppAttest::follows(const Facts& before, const Facts& now) const {
  // Named by an operator before it came: this is the first that is heard of it.
  if (before.memory.empty()) return {};
  const auto last = counter_of(before);
  const auto next = counter_of(now);
  if (last && next && *next > *last) return {};
  return fail(Code::appattest_counter,
              "the key's counter did not grow: a key attests once and asserts from then on");
}

bool is_digest(const std::string& text) {
  constexpr std::size_t digits = 64;
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  if (!options.trust || options.app_ids.empty())
    return fail(Code::config_invalid, "apple-appattest needs Apple's root and at least one app id");
  if (!is_digest(options.root_digest))
    return fail(Code::config_invalid,
                "apple-appattest: the root's digest is SHA-256 in lower-case hexadecimal");
  if (options.trust->rule_of(options.root_digest) == nullptr)
    return fail(Code::config_invalid,
                "apple-appattest: none of the roots has the digest " + options.root_digest +
                    ": copies of Apple's root with falsified signatures go about");
  return std::unique_ptr<Format>(std::make_unique<AppAttest>(std::move(options)));
}

}  // namespace mintmark::attest::apple_appattest
