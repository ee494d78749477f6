#include "admin/device_endpoints.h"

#include <algorithm>

#include "admin/boot_endpoints.h"
#include "admin/keeper_endpoints.h"
#include "admin/result_endpoint.h"
#include "base/json.h"

namespace mintmark::admin {
namespace {

constexpr std::size_t devices_in_a_page = 40;
constexpr std::string_view one_device = "/admin/v1/devices/";

Json object_or_text(const std::string& text) {
  auto parsed = parse_json(text);
  return parsed ? std::move(*parsed) : Json(text);
}

std::string after_of(const std::string& query) {
  for (const auto& [name, value] : http::parse_form(query).value_or(http::FormFields{})) {
    if (name == "after") return value;
  }
  return {};
}

// A page has to fit into one frame between front and keeper.
Json page_of(std::vector<store::DeviceRecord> records, const std::string& after) {
  std::sort(records.begin(), records.end(),
            [](const auto& left, const auto& right) { return left.id < right.id; });
  Json list = Json::array();
  std::string next;
  for (const store::DeviceRecord& device : records) {
    if (device.id <= after) continue;
    if (list.size() == devices_in_a_page) {
      next = list.back()["id"];
      break;
    }
    list.push_back(describe(device));
  }
  return {{"devices", std::move(list)}, {"next", next}};
}

http::Response show(const store::DeviceStore& store, const std::string& id) {
  auto device = store.find(id);
  if (!device) return error_response(device.error());
  if (*device) return http::json_response(200, describe(**device).dump());
  return error_response(Error{Code::device_not_found,
                              "there is no device " + printable(id) + "; see mintctl devices list",
                              0});
}

}  // namespace

Json describe(const store::DeviceRecord& device) {
  Json json = {{"id", device.id},
               {"format", device.format},
               {"identity", device.identity},
               {"jkt", device.jkt},
               {"state", device.state},
               {"enrolled_at", to_unix(device.enrolled_at)},
               {"attested_at", to_unix(device.attested_at)},
               {"labels", object_or_text(device.labels)},
               {"facts", object_or_text(device.facts)}};
  if (device.evidence_ended_at != Moment{}) {
    json["evidence_ended_at"] = to_unix(device.evidence_ended_at);
    json["evidence_ended_why"] = device.evidence_ended_why;
  }
  if (!device.boot.empty()) json["boot"] = device.boot;
  if (device.fresh_for.count() > 0) json["fresh_for"] = device.fresh_for.count();
  if (device.state == "pending") {
    json["pending_from"] = device.pending_from;
    json["pending_since"] = to_unix(device.pending_since);
  }
  if (device.state == "revoked") {
    json["revoked_at"] = to_unix(device.revoked_at);
    json["revoked_why"] = device.revoked_why;
  }
  return json;
}

void add_device_reading(http::Router& router, const DeviceParts& parts) {
  const store::DeviceStore& store = parts.store;
  router.on("GET", "/admin/v1/devices",
            [&store](const http::Request& request, const http::Respond& respond) {
              auto records = store.list();
              if (!records) return respond(error_response(records.error()));
              respond(http::json_response(
                  200, page_of(std::move(*records), after_of(request.query)).dump()));
            });
  const auto answers = std::make_shared<LongAnswers>();
  const BootSources sources{parts.store, parts.policy, parts.policy_file};
  router.on(
      "GET", std::string(one_device) + "*",
      [&store, sources, answers, results = parts.results](const http::Request& request,
                                                          const http::Respond& respond) {
        // What stands behind a device's id asks for more of it.
        const std::string rest = request.path.substr(one_device.size());
        const auto slash = rest.find('/');
        const std::string id = rest.substr(0, slash);
        const std::string what = slash == std::string::npos ? "" : rest.substr(slash);
        if (what == "/boot")
          return respond(answers->part(rest, request.query, [&] { return boots_of(sources, id); }));
        if (what == "/explain")
          return respond(
              answers->part(rest, request.query, [&] { return explain_boot(sources, id); }));
        if (what == "/result") return answer_result(results, id, request.query, respond);
        respond(show(store, rest));
      });
}

}  // namespace mintmark::admin
