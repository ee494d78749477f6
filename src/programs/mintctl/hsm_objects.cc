#include <cstdio>

#include "programs/mintctl/opened_token.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

using hsm::pkcs11::ObjectFacts;

Json json_of(const ObjectFacts& object) {
  Json json = {{"class", object.class_name},
               {"label", object.label},
               {"id", to_hex(object.id)},
               {"attributes", Json::object()}};
  if (!object.key_type.empty()) json["key_type"] = object.key_type;
  if (!object.curve.empty()) json["curve"] = object.curve;
  if (object.bits != 0) json["bits"] = object.bits;
  for (const auto& [name, value] : object.attributes) json["attributes"][name] = value;
  if (!object.ours) return json;
  json["mintmark"] = {{"purpose", hsm::name_of(object.ours->purpose)},
                      {"kid", object.ours->kid},
                      {"fit", object.ours->unfit.empty()}};
  if (!object.ours->unfit.empty()) json["mintmark"]["unfit"] = object.ours->unfit;
  return json;
}

Result<Json> objects(AdminClient& /*mintd*/, const Arguments& arguments) {
  const auto opened = OpenedToken::named_by(arguments);
  if (!opened) return tl::unexpected<Error>(opened.error());
  Json all = Json::array();
  for (const ObjectFacts& object : (*opened)->objects()) all.push_back(json_of(object));
  return Json{{"token", (*opened)->token()}, {"objects", all}};
}

std::string names_where(const Json& attributes, bool value) {
  std::string names;
  for (const auto& [name, is] : attributes.items()) {
    if (is == value) names += " " + name.substr(4);
  }
  return names.empty() ? " -" : names;
}

void print_objects(const Json& answer) {
  std::printf("token       %s\n", text(answer["token"], "uri").c_str());
  for (const Json& object : answer["objects"]) {
    const std::string size = object.contains("bits") ? ", " + text(object, "bits") + " bits" : "";
    std::printf("\n%-11s %s\n  id        %s\n", text(object, "class").c_str(),
                printable(text(object, "label")).c_str(), text(object, "id").c_str());
    if (object.contains("key_type"))
      std::printf("  key       %s %s%s\n", text(object, "key_type").c_str(),
                  object.contains("curve") ? text(object, "curve").c_str() : "", size.c_str());
    std::printf("  true     %s\n  false    %s\n", names_where(object["attributes"], true).c_str(),
                names_where(object["attributes"], false).c_str());
    if (!object.contains("mintmark")) continue;
    const Json& ours = object["mintmark"];
    std::printf("  ours      %s, kid %s, %s\n", text(ours, "purpose").c_str(),
                text(ours, "kid").c_str(),
                ours["fit"] == true ? "may sign" : ("UNFIT: " + text(ours, "unfit")).c_str());
  }
}

}  // namespace

std::vector<Subcommand> hsm_object_commands() {
  return {{{"hsm objects", "all that the token holds; of keys of ours, whether they may sign",
            with_token({user_pin_option()}), ""},
           objects,
           print_objects}};
}

}  // namespace mintmark::programs
