#include "policy/match.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/names.h"
#include "policy/texts.h"

namespace mintmark::policy {
namespace {

using Texts = std::vector<std::string>;

bool holds(const Texts& allowed, const std::string& value) {
  return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
}

bool fits(const Texts& allowed, const std::string& value) {
  return allowed.empty() || holds(allowed, value);
}

const Texts& protections(const Match& match) {
  static const Texts all_but_none = {"hardware", "session", "unproven"};
  return match.key_protections.empty() ? all_but_none : match.key_protections;
}

using Label = std::map<std::string, std::string>::const_iterator;
using Pcr = std::map<unsigned, Texts>::const_iterator;

/// Digests of banks that nobody names here may be as long as those of one that is meant.
bool fits_bank(const attest::Facts& facts) {
  return facts.pcr_bank != "sha1" && hex_digits_of_bank(facts.pcr_bank) != 0;
}

/// In lower case; "" for a TCG id that does not come from a TPM: other formats have free texts
/// there.
std::string manufacturer_of(const attest::Facts& facts) {
  std::string name = in_lower_case(facts.manufacturer);
  return facts.format != "tpm2" && name.starts_with("id:") ? "" : name;
}

/// The first label that the device has not or has otherwise.
Label missed_label(const Match& match, const attest::RecordedDevice& device) {
  return std::find_if(match.labels.begin(), match.labels.end(), [&](const auto& label) {
    const auto found = device.labels.find(label.first);
    return found == device.labels.end() || found->second != label.second;
  });
}

Pcr missed_pcr(const Match& match, const attest::Facts& facts) {
  return std::find_if(match.pcrs.begin(), match.pcrs.end(), [&](const auto& pcr) {
    const auto found = facts.pcrs.find(pcr.first);
    return found == facts.pcrs.end() || !fits_bank(facts) || !holds(pcr.second, found->second);
  });
}

std::string any_of(const Texts& allowed) {
  std::string text;
  for (const std::string& one : allowed) text += (text.empty() ? "" : " or ") + one;
  return text;
}

std::string shown(const std::string& value) {
  return value.empty() ? "nothing" : printable(value, 128);
}

Mismatch label_mismatch(const Match& match, const attest::RecordedDevice& device) {
  const Label label = missed_label(match, device);
  const auto found = device.labels.find(label->first);
  return {"labels." + label->first, shown(found == device.labels.end() ? "" : found->second),
          label->second};
}

Mismatch pcr_mismatch(const Match& match, const attest::Facts& facts) {
  const Pcr pcr = missed_pcr(match, facts);
  const std::string name = "pcrs." + std::to_string(pcr->first);
  if (!fits_bank(facts))
    return {name, "the bank " + shown(facts.pcr_bank), "a bank of SHA-256, SHA-384 or SHA-512"};
  const auto found = facts.pcrs.find(pcr->first);
  return {name, shown(found == facts.pcrs.end() ? "" : found->second), any_of(pcr->second)};
}

/// The first that is not proven; "": all are. What is proven of the device's key says nothing of a
/// session key for which it vouches.
std::string missed_proof(const Match& match, const Subject& subject) {
  const auto proven = [&](const std::string& proof) {
    return holds(subject.device.facts.proves, proof) &&
           (proof != attest::proves::token_key || subject.key_protection == "hardware");
  };
  const auto missed = std::find_if(match.proves.begin(), match.proves.end(),
                                   [&](const std::string& proof) { return !proven(proof); });
  return missed == match.proves.end() ? "" : *missed;
}

FactConditions::const_iterator missed_fact(const Match& match, const attest::Facts& facts) {
  return std::find_if(match.facts.begin(), match.facts.end(), [&](const auto& condition) {
    const auto found = facts.more.find(condition.first);
    return found == facts.more.end() || !condition.second.holds(found->second);
  });
}

Mismatch fact_mismatch(const Match& match, const attest::Facts& facts) {
  const auto& [name, condition] = *missed_fact(match, facts);
  const auto found = facts.more.find(name);
  return {"facts." + name, found == facts.more.end() ? "nothing" : fact_text(found->second),
          condition.text()};
}

Mismatch proof_mismatch(const Match& match, const Subject& subject) {
  std::string proven;
  for (const std::string& proof : subject.device.facts.proves)
    proven += (proven.empty() ? "" : ", ") + proof;
  return {"proves", shown(proven), missed_proof(match, subject)};
}

}  // namespace

std::optional<Condition> Match::first_failed(const Subject& subject) const {
  const attest::RecordedDevice& device = subject.device;
  const attest::Facts& has = device.facts;
  if (!fits(formats, has.format)) return Condition::format;
  if (!holds(protections(*this), subject.key_protection)) return Condition::key_protection;
  // Vendors write the hexadecimal digits in either case.
  if (!manufacturers.empty() && !holds(manufacturers, manufacturer_of(has)))
    return Condition::manufacturer;
  if (!fits(roots, has.root)) return Condition::root;
  if (!fits(models, has.model)) return Condition::model;
  if (missed_label(*this, device) != labels.end()) return Condition::labels;
  if (missed_pcr(*this, has) != pcrs.end()) return Condition::pcrs;
  if (!missed_proof(*this, subject).empty()) return Condition::proves;
  if (missed_fact(*this, has) != facts.end()) return Condition::facts;
  if (times.open_for(subject.now, std::chrono::seconds{1}).count() == 0) return Condition::times;
  return std::nullopt;
}

Mismatch Match::mismatch(Condition failed, const Subject& subject) const {
  const attest::Facts& has = subject.device.facts;
  switch (failed) {
    case Condition::format:
      return {"format", shown(has.format), any_of(formats)};
    case Condition::key_protection:
      return {"key_protection", shown(subject.key_protection), any_of(protections(*this))};
    case Condition::manufacturer:
      return {"manufacturer", shown(has.manufacturer), any_of(manufacturers)};
    case Condition::root:
      return {"root", shown(has.root), any_of(roots)};
    case Condition::model:
      return {"model", shown(has.model), any_of(models)};
    case Condition::labels:
      return label_mismatch(*this, subject.device);
    case Condition::pcrs:
      return pcr_mismatch(*this, has);
    case Condition::proves:
      return proof_mismatch(*this, subject);
    case Condition::facts:
      return fact_mismatch(*this, has);
    case Condition::times:
      break;
  }
  return {"times", week_time(subject.now), times.text()};
}

}  // namespace mintmark::policy
