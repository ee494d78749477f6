#include "attest/standing.h"

namespace mintmark::attest {

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
  if (now - device.attested_at >= freshness) {
    return fail(Code::evidence_stale, "the device attested more than " +
                                          std::to_string(freshness.count()) +
                                          " s ago; attest again");
  }
  return AttestedDevice(device, device.attested_at + freshness);
}

}  // namespace mintmark::attest
