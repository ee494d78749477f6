// An operator's question for our verdict on a device, signed; answered by the front.
#pragma once

#include <string>

#include "http/message.h"
#include "issuer/results.h"

namespace mintmark::admin {

/// {"result": JWS} of issuer::Results; the query may have `nonce`, and `labels=true` to have the
/// device's labels in. `results` null: `result_unavailable`. `admin_member_wrong` for another
/// query.
void answer_result(issuer::Results* results, const std::string& id, const std::string& query,
                   const http::Respond& respond);

}  // namespace mintmark::admin
