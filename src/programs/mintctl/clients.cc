// clients: services that are registered, and what they may ask.
#include <cstdio>

#include "base/file.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

// Pages until there is no next one.
Result<Json> list(AdminClient& mintd, const Arguments& /*arguments*/) {
  Json all = Json::array();
  std::string after;
  do {
    auto page = mintd.get("/admin/v1/clients" +
                          (after.empty() ? "" : "?" + http::encode_form({{"after", after}})));
    if (!page) return page;
    for (Json& client : (*page)["clients"]) all.push_back(std::move(client));
    after = page->value("next", "");
  } while (!after.empty());
  return Json{{"clients", std::move(all)}};
}

Result<Json> add(AdminClient& mintd, const Arguments& arguments) {
  const auto file = arguments.required("--jwk");
  if (!file) return tl::unexpected<Error>(file.error());
  for (const char* option : {"--audience", "--role"}) {
    if (arguments.values(option).empty())
      return fail(Code::invalid_argument, std::string("clients add needs ") + option);
  }
  const auto text = read_file(*file);
  if (!text) return tl::unexpected<Error>(text.error());
  const auto jwk = parse_json_document(*file, *text);
  if (!jwk) return fail(Code::invalid_argument, jwk.error().detail);
  Json request = {{"jwk", jwk->value},
                  {"audiences", arguments.values("--audience")},
                  {"roles", arguments.values("--role")}};
  if (arguments.has("--name")) request["name"] = arguments.value("--name");
  return mintd.post("/admin/v1/clients/add", request);
}

Result<Json> remove(AdminClient& mintd, const Arguments& arguments) {
  return mintd.post("/admin/v1/clients/remove", {{"id", arguments.argument()}});
}

std::string words(const Json& client, const char* member) {
  std::string all;
  for (const Json& word : client[member]) all += (all.empty() ? "" : " ") + word.get<std::string>();
  return all;
}

void print_list(const Json& answer) {
  std::printf("%-22s  %-10s  %-17s  %-20s  %-16s  %s\n", "ID", "STATE", "ROLES", "ADDED", "NAME",
              "AUDIENCES");
  for (const Json& client : answer["clients"]) {
    std::printf("%-22s  %-10s  %-17s  %-20s  %-16s  %s\n", text(client, "id").c_str(),
                text(client, "state").c_str(), words(client, "roles").c_str(),
                moment(client, "added_at").c_str(), text(client, "name").c_str(),
                words(client, "audiences").c_str());
  }
}

void print_id(const Json& client) { std::printf("%s\n", text(client, "id").c_str()); }

}  // namespace

std::vector<Subcommand> client_commands() {
  return {{{"clients list", "the services that are or were registered", {}, ""}, list, print_list},
          {{"clients add",
            "register a service by its public key; prints its client_id",
            {{"--jwk", "FILE", "its key: a JWK without private members"},
             {"--audience", "A", "what its tokens are for: it is told of these alone", true},
             {"--role", "R", "introspect (ask about tokens), events (hear of revocations)", true},
             {"--name", "N", "your word for it"}},
            ""},
           add,
           print_id},
          {{"clients remove",
            "end a service: done when its tokens are taken no more and its streams are ended",
            {},
            "ID"},
           remove,
           print_id}};
}

}  // namespace mintmark::programs
