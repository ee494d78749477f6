// What a device hears at the end of its enrolment, whatever it attested by (docs/http-api.md).
#pragma once

#include "http/message.h"
#include "issuer/admitting.h"

namespace mintmark::api {

[[nodiscard]] http::Response enrolment_answer(const Result<issuer::EnrolmentOutcome>& outcome);

}  // namespace mintmark::api
