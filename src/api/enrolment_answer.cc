#include "api/enrolment_answer.h"

#include "api/answers.h"

namespace mintmark::api {
namespace {

http::Response waits(const issuer::PendingDevice& pending) {
  return refusal(
      Error{Code::enrolment_pending,
            "this device waits for its operator: mintctl devices approve " + pending.fingerprint,
            0},
      {{"fingerprint", pending.fingerprint}, {"client_id", pending.client_id}});
}

}  // namespace

http::Response enrolment_answer(const Result<issuer::EnrolmentOutcome>& outcome) {
  if (!outcome) return refusal(outcome.error());
  if (const auto* pending = std::get_if<issuer::PendingDevice>(&*outcome)) return waits(*pending);
  const auto& device = std::get<issuer::EnrolledDevice>(*outcome);
  return fresh_json({{"client_id", device.client_id},
                     {"client_attestation", device.client_attestation},
                     {"expires_in", device.expires_in.count()}});
}

}  // namespace mintmark::api
