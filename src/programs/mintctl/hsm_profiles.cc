#include "config/profiles.h"

#include <cstdio>

#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

using config::HsmProfile;

Result<Json> profiles(AdminClient& /*mintd*/, const Arguments& arguments) {
  const std::string& name = arguments.argument();
  Json all = Json::array();
  std::string names;
  for (const HsmProfile& profile : config::hsm_profiles()) {
    if (name.empty() || name == profile.name) all.push_back(profile.document);
    names += (names.empty() ? "" : ", ") + profile.name;
  }
  if (!all.empty()) return name.empty() ? Json{{"profiles", all}} : all.front();
  return fail(Code::not_found,
              "there is no profile \"" + printable(name) + "\"; there are: " + names);
}

void print_list(const Json& profiles) {
  std::printf("%-12s  %-32s  %-8s  %s\n", "NAME", "HARDWARE", "STATUS", "OBSTACLES");
  for (const Json& profile : profiles) {
    std::printf("%-12s  %-32s  %-8s  %s\n", text(profile, "name").c_str(),
                text(profile, "title").c_str(), text(profile, "status").c_str(),
                profile["obstacles"].empty() ? "-" : "see hsm profiles NAME");
  }
}

void print_lines(const char* heading, const Json& lines) {
  for (const Json& line : lines) {
    std::printf("%-11s %s\n", heading, line.get<std::string>().c_str());
    heading = "";
  }
}

std::string figure(const Json& figure, const char* number, const char* unit) {
  const std::string source = text(figure, "source");
  return figure.contains(number) ? text(figure, number) + unit + " (" + source + ")" : source;
}

void print_one(const Json& profile) {
  std::printf("%s: %s\n%-11s %s%s\n", text(profile, "name").c_str(), text(profile, "title").c_str(),
              "status", text(profile, "status").c_str(),
              profile.contains("tested_on")
                  ? (" on " + text(profile, "tested_on")).c_str()
                  : ": written from the vendor's documents; nobody ran mintd on it");
  print_lines("OBSTACLE", profile["obstacles"]);
  print_lines("module", profile["modules"]);
  std::printf("%-11s %s\n%-11s %s\n", "store", profile["store"].dump().c_str(), "PIN",
              text(profile, "pin").c_str());
  print_lines("set up", profile["set_up"]);
  std::printf("%-11s %s\n", "keys", text(profile, "keys").c_str());
  print_lines("quirks", profile["quirks"]);
  std::printf("%-11s %s\n%-11s %s\n%-11s %s\n", "reaches", text(profile, "sandbox").c_str(),
              "ES256", figure(profile["throughput"], "es256_a_second", " a second").c_str(),
              "starts in", figure(profile["start_up"], "milliseconds", " ms").c_str());
  print_lines("sources", profile["sources"]);
}

void print_profiles(const Json& answer) {
  if (answer.contains("profiles"))
    print_list(answer["profiles"]);
  else
    print_one(answer);
}

}  // namespace

std::vector<Subcommand> hsm_profile_commands() {
  return {{{"hsm profiles",
            "the kinds of hardware that \"profile\" of a key store can name; with a name all that "
            "is known of it",
            {},
            "[NAME]"},
           profiles,
           print_profiles}};
}

}  // namespace mintmark::programs
