// What operators ask of the front; the keeper, to whom they speak, hands it on.
#include <algorithm>

#include "admin/device_endpoints.h"
#include "admin/policy_endpoints.h"
#include "admin/token_endpoints.h"
#include "programs/mintd/control.h"
#include "programs/mintd/front.h"

namespace mintmark::mintd {

void Front::add_operators() {
  const admin::DeviceParts device_parts{*store_,
                                        *register_,
                                        clock_,
                                        [this] { return policies_->present(); },
                                        [this] { return config_.policy_file; },
                                        [this](const std::string& id) { return live_tokens(id); },
                                        results_.get()};
  admin::add_device_reading(operators_, device_parts);
  admin::add_device_changes(operators_, device_parts);
  admin::add_tokens(operators_,
                    {revocation_->revoker(), revocation_->tokens(), revocation_->events(),
                     [this](const std::string& kid) { return signs_now(kid); },
                     [this](const std::string& id) {
                       return devices_.find(id) != nullptr || services_->services().knows(id);
                     }});
  services_->add_to_operators(operators_);
  admin::add_policy(operators_,
                    {.policy = [this] { return policies_->present(); },
                     .device = [this](const std::string& id) { return devices_.find(id); },
                     .clock = clock_,
                     .freshness = config_.enrolment.freshness,
                     .longest_life = config_.longest_token_life});
}

Result<std::size_t> Front::live_tokens(const std::string& device) const {
  const auto met =
      revocation_->revoker().dry_run({.what = revoke::Revocation::What::device, .name = device});
  if (!met) return tl::unexpected<Error>(met.error());
  return met->live;
}

bool Front::signs_now(const std::string& kid) const {
  const auto keys = keyring_.snapshot();
  return keys && std::any_of(keys->keys().begin(), keys->keys().end(),
                             [&](const keyring::PublishedKey& key) {
                               return key.active && key.kid() == kid;
                             });
}

void Front::answer_operator(const Json& message) {
  http::Request request;
  request.method = message.value("method", "");
  request.target = message.value("target", "");
  const auto mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
  request.body = message.value("body", "");
  const auto id = message.value("id", std::uint64_t{0});
  operators_(std::move(request), [this, id](const http::Response& response) {
    control_->send(answer_frame(id, response));
  });
}

}  // namespace mintmark::mintd
