// Reload: all that can be read again is read and checked here, then handed to the front whole; what
// is in force changes when the front has said that it is.
#include "admin/keeper_endpoints.h"
#include "programs/mintd/keeper.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// A file of the operator's is wrong: nothing of ours failed.
unsigned status_of(const Error& error) {
  const unsigned status = facts_of(error.code).http_status;
  return status == 500 ? 400 : status;
}

}  // namespace

http::Response Keeper::reload_refused(const Error& error) {
  reload_successful_ = false;
  telemetry::log(Level::error, "reload_refused", error);
  send_figures();
  http::Response response = admin::error_response(error);
  response.status = status_of(error);
  return response;
}

void Keeper::reload(const http::Respond& respond) {
  if (reloading_ || stopping_ || !front_->listens_to_us()) {
    return respond(reload_refused(
        {Code::unavailable,
         reloading_ ? "another reload is under way" : "the front is not ready; try again", 0}));
  }
  auto loaded = load_and_check(context_.config_file);
  if (!loaded) return respond(reload_refused(loaded.error()));
  auto next = std::make_shared<Loaded>(std::move(*loaded));
  auto changed = changes_between(context_.in_force, *next);
  if (!changed) return respond(reload_refused(changed.error()));

  reloading_ = true;
  front_->reload(*next,
                 [this, next, changed = std::move(*changed), respond](http::Response response) {
                   reloading_ = false;
                   if (response.status != 200) {
                     reload_successful_ = false;
                     telemetry::log(Level::error, "reload_refused", {{"by", "front"}});
                     send_figures();
                     return respond(std::move(response));
                   }
                   reloaded(std::move(*next), changed);
                   respond(http::json_response(200, Json{{"reloaded", changed}}.dump()));
                 });
}

void Keeper::reloaded(Loaded next, const std::vector<std::string>& changed) {
  take_over(context_.in_force, std::move(next));
  if (const auto level = telemetry::level_named(context_.in_force.config.log_level))
    telemetry::configure("mintd", *level);
  reload_successful_ = true;
  reloaded_at_ = context_.clock.now();
  telemetry::log(Level::info, "reloaded", {{"what", joined(changed)}});
  log_warnings(context_.in_force);
  send_figures();
}

void Keeper::send_figures() {
  if (!front_ || !front_->running() || signers_.empty()) return;
  Json signers = Json::array();
  for (const auto& signer : signers_) signers.push_back(signer->figures());
  front_->send_figures({{"front_restarts", front_->restarts()},
                        {"front_starts_failed", front_->starts_failed()},
                        {"front_out_of_memory", front_->ends_for_memory()},
                        {"lease_losses", lease_losses()},
                        {"stores", stores_},
                        {"signers", std::move(signers)},
                        {"keys", key_figures()},
                        {"warnings", warnings()},
                        {"reloaded_at", to_unix(reloaded_at_)},
                        {"reload_successful", reload_successful_}});
}

}  // namespace mintmark::mintd
