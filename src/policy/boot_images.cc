// What was started, and whose signature let it through.
#include <algorithm>

#include "base/bytes.h"
#include "policy/boot_judge.h"
#include "policy/boot_words.h"

namespace mintmark::policy {
namespace {

using attest::BootAuthority;
using attest::BootImage;

constexpr std::size_t most_proposed = 64;

bool has_driver_type(const BootImage& image) {
  return image.type == "EV_EFI_BOOT_SERVICES_DRIVER" ||
         image.type == "EV_EFI_RUNTIME_SERVICES_DRIVER";
}

// The type is the log's word alone: by its PCR an image is what that PCR is for, whatever the type
// says of it (TCG PC Client Platform Firmware Profile §3.3.4).
bool is_application(const BootImage& image) {
  return image.pcr == 4 || image.type == "EV_EFI_BOOT_SERVICES_APPLICATION";
}

bool is_driver(const BootImage& image) { return image.pcr == 2 || has_driver_type(image); }

// Where no list is for applications, a driver could be called one and be in no list.
bool may_be_driver(const BootImage& image) { return image.pcr == 4 || is_driver(image); }

/// A list of images that may be started.
struct ImageList {
  const char* key;
  std::vector<const char*> facts;  ///< As BootFacts::not_known has them.
  const std::vector<std::string>& allowed;
  bool (*is_of_kind)(const BootImage&);
  /// Nothing started is nothing allowed.
  bool must_be_some;
};

/// A driver from a disk goes into the applications' PCR, and the other way round: either list will
/// do for what is both.
bool is_allowed(const Case& one, const ImageList& list, const BootImage& image) {
  if (holds(list.allowed, image.digest)) return true;
  const Expect& expect = one.rule.expect;
  return is_application(image) && is_driver(image) &&
         (holds(expect.boot_applications, image.digest) || holds(expect.drivers, image.digest));
}

/// Values of a list, each once.
Json distinct(const std::vector<std::string>& values) {
  Json all = Json::array();
  for (const std::string& value : values) {
    if (std::find(all.begin(), all.end(), value) == all.end()) all.push_back(value);
  }
  return all;
}

Event event_of(const Case& one, const BootImage& image) {
  if (const Event* event = event_numbered(one.now, image.event)) return *event;
  return {image.event, image.pcr, image.type, image.digest, image.path, false};
}

void explain_image(const Case& one, const BootImage& image, std::size_t others, Finding& finding) {
  Event event = event_of(one, image);
  event.digest = image.digest;
  const Event* before = nullptr;
  if (one.good != nullptr) before = Alignment(one.now, *one.good, image.pcr).before(image.event);
  finding.has = image.digest;
  explain_event(finding, event, before, one.now, one.good);
  if (others > 0) finding.text += " (and " + std::to_string(others) + " more)";
}

void judge_list(const Case& one, const ImageList& list, Findings& findings) {
  const std::string wants = any_of(list.allowed);
  if (list.allowed.empty()) return;
  if (!one.now.log_given) return add_without_log(one, list.key, wants, findings);
  for (const char* fact : list.facts) {
    if (add_if_not_known(one, fact, list.key, wants, findings)) return;
  }
  std::size_t started = 0;
  std::vector<const BootImage*> foreign;
  std::vector<std::string> digests;
  for (const BootImage& image : one.now.facts.images) {
    if (!list.is_of_kind(image)) continue;
    ++started;
    if (is_allowed(one, list, image)) continue;
    foreign.push_back(&image);
    digests.push_back(image.digest);
  }
  Finding finding = finding_of(one, list.key, std::to_string(started) + " started", wants);
  finding.ok = foreign.empty() && (started > 0 || !list.must_be_some);
  if (!foreign.empty()) {
    explain_image(one, *foreign.front(), foreign.size() - 1, finding);
    if (list.is_of_kind == may_be_driver && !is_driver(*foreign.front()))
      finding.text += "; without boot_applications every image in PCR 4 counts as a driver";
    if (foreign.size() <= most_proposed)
      finding.proposals.push_back(proposal_of(one, list.key, distinct(digests)));
  } else if (!finding.ok) {
    finding.text = std::string(list.key) + ": none was measured";
  }
  findings.push_back(std::move(finding));
}

/// Of an image: shim also measures what it was configured by with this type.
bool lets_images_through(const BootAuthority& authority) {
  const std::string& name = authority.variable;
  return name != "SbatLevel" && name != "MokListTrusted" && name != "MokSBState" &&
         name != "MokDBState";
}

std::string signer_before(const Case& one, const BootAuthority& foreign) {
  if (one.good == nullptr) return "";
  for (const BootAuthority& authority : one.good->facts.authorities) {
    if (authority.variable == foreign.variable) return authority.entry.digest;
  }
  return "";
}

void explain_signer(const Case& one, const BootAuthority& foreign, std::size_t others,
                    Finding& finding) {
  const std::string digest = printable(foreign.entry.digest, 128);
  finding.has = digest.empty() ? "no certificate" : digest;
  finding.event = foreign.event;
  finding.event_type = "EV_EFI_VARIABLE_AUTHORITY";
  if (const Event* event = event_numbered(one.now, foreign.event)) finding.pcr = event->pcr;
  finding.last_good = signer_before(one, foreign);
  finding.text = "event " + std::to_string(foreign.event) +
                 ": an image was let through by an entry of " + printable(foreign.variable) +
                 " that is not one of the allowed: " + finding.has;
  if (!foreign.entry.subject.empty())
    finding.text += " (" + printable(foreign.entry.subject, 128) + ")";
  if (one.good == nullptr) {
    finding.text += "; there is no good boot to compare with";
  } else if (finding.last_good.empty()) {
    finding.text += "; the last good boot had none of there";
  } else {
    const bool same = finding.last_good == foreign.entry.digest;
    finding.likely = same ? "the policy changed" : "an image of another signer was started";
    finding.text += "; the last good boot had " + (same ? "the same" : finding.last_good);
  }
  finding.text += likely_words(finding.likely);
  if (others > 0) finding.text += " (and " + std::to_string(others) + " more)";
}

/// Without Secure Boot no signature is checked, and what PCR 7 has of signers the running system
/// may have put there. False: appended what fails then.
bool add_unless_secure_boot(const Case& one, const std::string& wants, Findings& findings) {
  if (add_if_not_known(one, "secure_boot", "boot_signers", wants, findings)) return false;
  const auto& on = one.now.facts.secure_boot;
  if (on.value_or(false)) return true;
  Finding finding = finding_of(one, "boot_signers", "no signature that was checked", wants);
  finding.pcr = 7;
  finding.text = std::string("boot_signers: Secure Boot ") + (on ? "is off" : "was not measured") +
                 ", so that no signature was checked";
  if (one.good != nullptr && one.good->facts.secure_boot.value_or(false)) {
    finding.last_good = "on";
    finding.likely = on ? "Secure Boot was turned off" : "";
    finding.text += "; at the last good boot it was on" + likely_words(finding.likely);
  }
  findings.push_back(std::move(finding));
  return false;
}

void judge_signers(const Case& one, Findings& findings) {
  const std::vector<std::string>& allowed = one.rule.expect.boot_signers;
  if (allowed.empty()) return;
  if (!one.now.log_given) return add_without_log(one, "boot_signers", any_of(allowed), findings);
  if (add_if_not_known(one, "authorities", "boot_signers", any_of(allowed), findings)) return;
  if (!add_unless_secure_boot(one, any_of(allowed), findings)) return;
  std::size_t seen = 0;
  std::vector<const BootAuthority*> foreign;
  std::vector<std::string> digests;
  for (const BootAuthority& authority : one.now.facts.authorities) {
    if (!lets_images_through(authority)) continue;
    ++seen;
    if (holds(allowed, authority.entry.digest)) continue;
    foreign.push_back(&authority);
    // An authority without an entry has nothing that could be added.
    if (!authority.entry.digest.empty()) digests.push_back(authority.entry.digest);
  }
  Finding finding =
      finding_of(one, "boot_signers", std::to_string(seen) + " signers", any_of(allowed));
  finding.ok = foreign.empty() && seen > 0;
  if (!foreign.empty()) {
    explain_signer(one, *foreign.front(), foreign.size() - 1, finding);
    if (digests.size() == foreign.size() && digests.size() <= most_proposed)
      finding.proposals.push_back(proposal_of(one, "boot_signers", distinct(digests)));
  } else if (!finding.ok) {
    finding.text = "boot_signers: nothing was measured that let an image through";
  }
  findings.push_back(std::move(finding));
}

}  // namespace

void judge_images(const Case& one, Findings& findings) {
  const Expect& expect = one.rule.expect;
  judge_signers(one, findings);
  judge_list(one, {"boot_applications", {"images"}, expect.boot_applications, is_application, true},
             findings);
  if (expect.boot_applications.empty())
    judge_list(one, {"drivers", {"drivers", "images"}, expect.drivers, may_be_driver, false},
               findings);
  else
    judge_list(one, {"drivers", {"drivers"}, expect.drivers, is_driver, false}, findings);
}

}  // namespace mintmark::policy
