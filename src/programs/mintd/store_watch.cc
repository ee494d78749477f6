#include "programs/mintd/store_watch.h"

#include "telemetry/log.h"

namespace mintmark::mintd {

using store::Health;
using telemetry::Level;

std::vector<Health::Look> StoreWatch::look() {
  std::vector<Health::Look> files = Health::of_all();
  for (Health::Look& file : files) {
    tell(file);
    // At once: while a file is in trouble nothing is minted, and most of it is over very soon.
    const auto health = file.trouble ? Health::find(file.path) : nullptr;
    if (!health || !store::probe(file.path, file.trouble->hindrance)) continue;
    health->written();
    file = health->look();
    tell(file);
  }
  return files;
}

void StoreWatch::tell(const Health::Look& now) {
  const auto before = told_.find(now.path);
  if (!now.trouble) {
    if (before == told_.end()) return;
    told_.erase(before);
    return telemetry::log(Level::info, "store_trouble_over", {{"file", now.path}});
  }
  const store::Hindrance hindrance = now.trouble->hindrance;
  if (before != told_.end() && before->second == hindrance) return;
  told_[now.path] = hindrance;
  telemetry::log(Level::error, "store_trouble", now.trouble->error,
                 {{"file", now.path},
                  {"hindrance", std::string(name_of(hindrance))},
                  {"do", std::string(advice_on(hindrance))}});
}

std::string file_name(const Health::Look& file) {
  return file.path.substr(file.path.rfind('/') + 1);
}

Json to_json(const Health::Look& file) {
  Json failures = Json::object();
  // Those that never happened too: what begins with 1 is no growth to an alert.
  for (std::size_t i = 0; i < file.failures.size(); ++i)
    failures[std::string(name_of(static_cast<store::Hindrance>(i)))] = file.failures.at(i);
  return {{"file", file_name(file)},
          {"trouble", file.trouble ? std::string(name_of(file.trouble->hindrance)) : ""},
          {"failures", std::move(failures)}};
}

std::vector<std::string> troubles_of(const std::vector<Health::Look>& files) {
  std::vector<std::string> troubles;
  for (const Health::Look& file : files) {
    if (file.trouble)
      troubles.push_back("store: " + file_name(file) + ": " +
                         std::string(name_of(file.trouble->hindrance)));
  }
  return troubles;
}

}  // namespace mintmark::mintd
