// A device's standing now: known, not ended, its evidence fresh. Pure.
#pragma once

#include <chrono>
#include <optional>

#include "attest/facts.h"

namespace mintmark::attest {

/// A device as its record has it; already parsed, so that a request costs no parsing.
struct RecordedDevice {
  std::string id;
  std::string state;  ///< "enrolled"; anything else is no standing.
  std::string jkt;
  std::string public_jwk;  ///< JSON: parsed where a client assertion is to be verified with it.
  Facts facts;
  std::map<std::string, std::string> labels;
  Moment attested_at{};
  /// How long its evidence is fresh, where a rule wants it fresher than the configuration; 0: as
  /// configured.
  std::chrono::seconds fresh_for{0};
  std::string evidence_ended_why;  ///< Before its time: a code's name, "asked"; "": it was not.
  /// How the last boot was judged, as of store::DeviceRecord; "" where none was measured.
  std::string boot;
};

/// The shorter of the two, where the device has one of its own.
[[nodiscard]] std::chrono::seconds freshness_of(std::chrono::seconds own,
                                                std::chrono::seconds configured);

/// A device in good standing at one moment. Only check_standing makes one.
class AttestedDevice {
 public:
  [[nodiscard]] const RecordedDevice& record() const { return record_; }
  /// When the evidence goes stale; nothing where there is none that could (format "key").
  [[nodiscard]] const std::optional<Moment>& evidence_until() const { return evidence_until_; }

 private:
  friend Result<AttestedDevice> check_standing(const RecordedDevice&, const std::string&,
                                               std::chrono::seconds, Moment);
  AttestedDevice(const RecordedDevice& record, std::optional<Moment> evidence_until)
      : record_(record), evidence_until_(evidence_until) {}
  const RecordedDevice& record_;  // Outlived by the snapshot it stands in: used within one request.
  std::optional<Moment> evidence_until_;
};

/// `jkt`: the key that was proven in this request; it must be the device's present key
/// (`device_key_superseded`). `device_revoked`, `device_not_enrolled`; `evidence_stale` if
/// it is approved and has not attested since, its evidence was ended, or it attested
/// longer than `freshness` ago (format "key" has no evidence that could age).
[[nodiscard]] Result<AttestedDevice> check_standing(const RecordedDevice& device,
                                                    const std::string& jkt,
                                                    std::chrono::seconds freshness, Moment now);

}  // namespace mintmark::attest
