#include "attest/standing.h"

#include <algorithm>

namespace mintmark::attest {

std::chrono::seconds freshness_of(std::chrono::seconds own, std::chrono::seconds configured) {
  return own.count() > 0 ? std::min(own, configured) : configured;
}

Result<AttestedDevice> check_standing(const RecordedDevice& device, const std::string& jkt,
                                      std::chrono::seconds freshness, Moment now) {
  if (device.state == "revoked")
    return fail(Code::device_revoked, "this device was revoked; its operator can say why");
  if (device.state == "approved")
    return fail(Code::evidence_stale, "the device is approved and has to attest afresh");
  if (device.state != "enrolled") {
    return fail(Code::device_not_enrolled,
                "the device's state is \"" + device.state + "\"; its operator can say why");
  }
  if (device.jkt != jkt) {
    return fail(Code::device_key_superseded,
                "the device has enrolled anew with another key; this one is no longer good");
  }
  // Of a key that was only shown nothing was attested that could age.
  if (device.facts.format == "key") return AttestedDevice(device, std::nullopt);
  if (!device.evidence_ended_why.empty()) {
    return fail(Code::evidence_stale,
                device.evidence_ended_why == "asked"
                    ? "the device's operator wants new evidence; attest again"
                    : "what the device attested last was refused (" + device.evidence_ended_why +
                          "); attest again when it has booted what is accepted");
  }
  const std::chrono::seconds fresh = freshness_of(device.fresh_for, freshness);
  if (now - device.attested_at >= fresh) {
    return fail(Code::evidence_stale, "the device attested more than " +
                                          std::to_string(fresh.count()) + " s ago; attest again");
  }
  return AttestedDevice(device, device.attested_at + fresh);
}

}  // namespace mintmark::attest
