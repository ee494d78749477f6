// A foreign attester's token from files, with the attester's keys where they are given.
#include <algorithm>

#include "attest/eat/appraisal.h"
#include "attest/eat/claims.h"
#include "attest/eat/token.h"
#include "attest/offline/parts.h"
#include "cbor/cose.h"
#include "jose/jws.h"

namespace mintmark::attest::offline {
namespace {

/// What was given, told apart: one token, and one file of keys at most.
struct EatFiles {
  std::string jwt;  ///< Compact; "" where a CWT is there.
  Bytes cwt;
  std::string keys;
};

std::string trimmed(const Bytes& file) {
  std::string text(as_text(file));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

Result<EatFiles> sort(const std::vector<Bytes>& all) {
  constexpr std::size_t longest = 64U << 10U;
  EatFiles files;
  for (const Bytes& file : all) {
    if (file.empty() || file.size() > longest)
      return fail(Code::evidence_files, "a file is empty, or longer than 64 KiB");
    std::string text = trimmed(file);
    const bool jwt = std::count(text.begin(), text.end(), '.') == 2 && text[0] == 'e';
    if (text[0] == '{' && files.keys.empty())
      files.keys = std::move(text);
    else if (jwt && files.jwt.empty())
      files.jwt = std::move(text);
    else if (text[0] != '{' && !jwt && files.cwt.empty())
      files.cwt = file;
    else
      return fail(Code::evidence_files, "one token and one JWK set are judged");
  }
  if (files.jwt.empty() == files.cwt.empty())
    return fail(Code::evidence_files, "one token, a JWT or a CWT, must be among the files");
  return files;
}

// What it says, believed by nobody.
Result<Json> unverified_claims(const EatFiles& files) {
  if (!files.jwt.empty()) {
    auto parts = jose::parse_signing_input(files.jwt.substr(0, files.jwt.rfind('.')));
    if (!parts) return fail(Code::eat_malformed, parts.error().detail);
    return std::move(parts->claims);
  }
  BytesView octets = files.cwt;
  if (octets.size() > 2 && octets[0] == 0xD8 && octets[1] == 0x3D) octets = octets.subspan(2);
  auto message = cbor::parse_sign1(octets);
  if (!message) return pass_on(message);
  auto payload = cbor::parse(message->payload);
  if (!payload) return pass_on(payload);
  return eat::claims_of(*payload);
}

std::vector<std::string> issuers_expected(const Question& question) {
  const auto issuer = question.expected.find("issuer");
  if (issuer == question.expected.end()) return {};
  return {issuer->second};
}

Result<void> check_words(const Json& claims, const Question& question) {
  const auto& expected = question.expected;
  if (auto by = eat::check_issuer(claims, issuers_expected(question)); !by) return by;
  if (const auto audience = expected.find("audience"); audience != expected.end()) {
    if (auto us = eat::check_audience(claims, audience->second); !us) return us;
  }
  return question.challenge ? eat::check_nonce(claims, *question.challenge) : Result<void>();
}

Result<void> rules_of_today(const Json& claims, const eat::Appraisal& appraisal,
                            const Question& question) {
  if (auto times = eat::check_times(claims, question.at); !times) return times;
  if (auto debug = eat::check_debug(claims);
      !debug && (debug.error().code != Code::eat_debug || question.allowed.count("debug") == 0))
    return debug;
  return eat::check_status(appraisal, question.allowed.count("warning") != 0);
}

}  // namespace

Judgement judge_eat(const Question& question) {
  Json facts = Json::object();
  auto files = sort(question.files);
  if (!files) return refused(files.error(), facts);
  auto claims = unverified_claims(*files);
  if (!claims) return refused(claims.error(), facts);
  facts["kind"] = files->jwt.empty() ? "cwt" : "jwt";
  facts["claims"] = *claims;
  auto appraisal = eat::appraise(*claims);
  if (!appraisal) return refused(appraisal.error(), facts);
  if (appraisal->is_ear) facts["attester_status"] = eat::name_of(appraisal->status);
  if (auto right = check_words(*claims, question); !right) return refused(right.error(), facts);
  if (files->keys.empty()) return parsed(facts);
  auto keys = eat::Keys::parse(files->keys, issuers_expected(question));
  if (!keys) return refused(keys.error(), facts);
  auto token =
      files->jwt.empty() ? eat::verify_cwt(files->cwt, *keys) : eat::verify_jwt(files->jwt, *keys);
  facts["signature_valid"] = token.has_value();
  if (!token) return refused(token.error(), facts);
  facts["kid"] = token->kid;
  if (auto right = rules_of_today(token->claims, *appraisal, question); !right)
    return refused(right.error(), facts, right.error().code != Code::eat_malformed);
  return accepted(facts);
}

}  // namespace mintmark::attest::offline
