// The operators' endpoints that the keeper answers itself: /admin/v1/status and /admin/v1/keys; all
// else goes to the front.
#pragma once

#include <functional>

#include "admin/key_changes.h"
#include "admin/key_generation.h"
#include "base/json.h"
#include "http/message.h"
#include "http/router.h"

namespace mintmark::admin {

struct KeeperEndpoints {
  std::function<Json()> status;
  std::function<Result<Json>()> keys;
  /// GET /admin/v1/keys/evidence: as strangers get it, each key with its "store" too.
  std::function<Result<Json>()> key_evidence;
  /// POST /admin/v1/keys (key_generation.h).
  GenerateKey generate_key;
  KeyChanges key_changes;
  /// POST /admin/v1/reload.
  http::Handler reload;
  /// Asks the front (devices, tokens, services, policy).
  http::Handler front;
};

/// Every handler runs on the thread that serves the admin socket.
[[nodiscard]] http::Router keeper_router(KeeperEndpoints endpoints);

/// {"error": code, "error_description": detail} with the code's status.
[[nodiscard]] http::Response error_response(const Error& error);

}  // namespace mintmark::admin
