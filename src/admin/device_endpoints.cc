#include "admin/device_endpoints.h"

#include <algorithm>

#include "admin/keeper_endpoints.h"
#include "base/json.h"

namespace mintmark::admin {
namespace {

constexpr std::size_t devices_in_a_page = 40;

Json object_or_text(const std::string& text) {
  auto parsed = parse_json(text);
  return parsed ? std::move(*parsed) : Json(text);
}

Json describe(const store::DeviceRecord& device) {
  return {{"id", device.id},
          {"format", device.format},
          {"identity", device.identity},
          {"jkt", device.jkt},
          {"state", device.state},
          {"enrolled_at", to_unix(device.enrolled_at)},
          {"attested_at", to_unix(device.attested_at)},
          {"labels", object_or_text(device.labels)},
          {"facts", object_or_text(device.facts)}};
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

}  // namespace

http::Router device_router(const store::DeviceStore& devices) {
  http::Router router;
  router.on("GET", "/admin/v1/devices",
            [&devices](const http::Request& request, const http::Respond& respond) {
              auto records = devices.list();
              if (!records) return respond(error_response(records.error()));
              respond(http::json_response(
                  200, page_of(std::move(*records), after_of(request.query)).dump()));
            });
  return router;
}

}  // namespace mintmark::admin
