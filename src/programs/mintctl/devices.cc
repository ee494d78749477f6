#include <cstdio>

#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

// Pages until there is no next one.
Result<Json> list(AdminClient& mintd, const Arguments& /*arguments*/) {
  Json all = Json::array();
  std::string after;
  do {
    auto page = mintd.get("/admin/v1/devices" +
                          (after.empty() ? "" : "?" + http::encode_form({{"after", after}})));
    if (!page) return page;
    for (Json& device : (*page)["devices"]) all.push_back(std::move(device));
    after = page->value("next", "");
  } while (!after.empty());
  return Json{{"devices", std::move(all)}};
}

void print_list(const Json& answer) {
  std::printf("%-22s  %-6s  %-9s  %-20s  %-12s  %s\n", "ID", "FORMAT", "STATE", "ATTESTED",
              "MANUFACTURER", "EK");
  for (const Json& device : answer["devices"]) {
    std::printf("%-22s  %-6s  %-9s  %-20s  %-12s  %.16s\n", text(device, "id").c_str(),
                text(device, "format").c_str(), text(device, "state").c_str(),
                moment(device, "attested_at").c_str(),
                text(device["facts"], "manufacturer").c_str(), text(device, "identity").c_str());
  }
}

}  // namespace

std::vector<Subcommand> device_commands() {
  return {{{"devices list", "the devices and their states", {}, ""}, list, print_list}};
}

}  // namespace mintmark::programs
