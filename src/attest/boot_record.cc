#include "attest/boot_record.h"

#include <limits>
#include <utility>

namespace mintmark::attest {
namespace {

// No record of ours has more; one that was changed at rest may not cost more either.
constexpr std::size_t most_entries = 32'768;
constexpr std::size_t longest_text = 8192;
constexpr unsigned most_pcrs = 32;

Json to_json(const MeasuredEvent& event) {
  Json json = {{"event", event.number}, {"pcr", event.pcr}, {"type", event.type}};
  if (!event.digest.empty()) json["digest"] = event.digest;
  if (!event.what.empty()) json["what"] = event.what;
  if (event.attested) json["attested"] = true;
  return json;
}

Json to_json(const SignatureEntry& entry) {
  Json json = {{"kind", entry.kind}, {"digest", entry.digest}};
  if (!entry.subject.empty()) json["subject"] = entry.subject;
  if (!entry.owner.empty()) json["owner"] = entry.owner;
  return json;
}

Json to_json(const BootImage& image) {
  return {{"event", image.event},
          {"pcr", image.pcr},
          {"type", image.type},
          {"path", image.path},
          {"digest", image.digest}};
}

Json to_json(const BootAuthority& authority) {
  return {{"event", authority.event},
          {"variable", authority.variable},
          {"entry", to_json(authority.entry)}};
}

Json to_json(const LoaderEvent& event) {
  Json json = {{"event", event.event},
               {"pcr", event.pcr},
               {"kind", event.kind},
               {"text", event.text},
               {"digest", event.digest}};
  if (event.attested) json["attested"] = true;
  return json;
}

template <typename T>
Json list_json(const std::vector<T>& list) {
  Json json = Json::array();
  for (const T& one : list) json.push_back(to_json(one));
  return json;
}

Json to_json(const ImaSummary& ima) {
  Json files = Json::array();
  for (const auto& [path, digest] : ima.files) files.push_back(Json::array({path, digest}));
  return {{"template", ima.log_template}, {"covered", ima.covered}, {"later", ima.later},
          {"violations", ima.violations}, {"unnamed", ima.unnamed}, {"files", std::move(files)},
          {"files_cut", ima.files_cut}};
}

Json to_json(const LogProblem& problem) {
  return {{"code", problem.code}, {"text", problem.text.substr(0, longest_text)}};
}

/// Reads members; what is wrong first is kept.
class Reader {
 public:
  explicit Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json_.is_object()) wrong("is no object");
  }

  void read(const char* name, std::string& out) {
    const auto found = json_.find(name);
    if (!there(found)) return;
    if (!found->is_string() || found->get_ref<const std::string&>().size() > longest_text)
      return wrong(std::string("has a wrong ") + name);
    out = found->get<std::string>();
  }
  void read(const char* name, bool& out) {
    const auto found = json_.find(name);
    if (!there(found)) return;
    if (!found->is_boolean()) return wrong(std::string("has a wrong ") + name);
    out = found->get<bool>();
  }
  template <typename Integer>
  void read_number(const char* name, Integer& out) {
    const auto found = json_.find(name);
    if (!there(found)) return;
    if (!found->is_number_unsigned() ||
        found->get<std::uint64_t>() > std::numeric_limits<Integer>::max())
      return wrong(std::string("has a wrong ") + name);
    out = found->get<Integer>();
  }
  /// An array, each of whose elements `take` reads.
  template <typename Take>
  void read_list(const char* name, Take take) {
    const auto found = json_.find(name);
    if (!there(found)) return;
    if (!found->is_array() || found->size() > most_entries)
      return wrong(std::string("has a wrong ") + name);
    for (const Json& element : *found) {
      if (auto taken = take(element); !taken) return wrong(taken.error().detail);
    }
  }
  /// An object of texts.
  void read_texts(const char* name, std::map<std::string, std::string>& out) {
    const auto found = json_.find(name);
    if (!there(found)) return;
    if (!found->is_object() || found->size() > most_entries)
      return wrong(std::string("has a wrong ") + name);
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) return wrong(std::string("has a wrong ") + name);
      out[key] = value.get<std::string>();
    }
  }
  [[nodiscard]] const Json* member(const char* name) const {
    const auto found = json_.find(name);
    return there(found) ? &*found : nullptr;
  }
  void wrong(const std::string& what) {
    if (error_.empty()) error_ = where_ + " " + what;
  }
  template <typename T>
  Result<T> give(T value) const {
    if (!error_.empty()) return fail(Code::facts_malformed, error_);
    return value;
  }

 private:
  [[nodiscard]] bool there(const Json::const_iterator& found) const {
    return json_.is_object() && found != json_.end();
  }
  const Json& json_;
  std::string where_;
  std::string error_;
};

Result<MeasuredEvent> event_from(const Json& json) {
  MeasuredEvent event;
  Reader reader(json, "an event");
  reader.read_number("event", event.number);
  reader.read_number("pcr", event.pcr);
  reader.read("type", event.type);
  reader.read("digest", event.digest);
  reader.read("what", event.what);
  reader.read("attested", event.attested);
  return reader.give(std::move(event));
}

Result<SignatureEntry> signature_from(const Json& json) {
  SignatureEntry entry;
  Reader reader(json, "a signature");
  reader.read("kind", entry.kind);
  reader.read("digest", entry.digest);
  reader.read("subject", entry.subject);
  reader.read("owner", entry.owner);
  return reader.give(std::move(entry));
}

Result<BootImage> image_from(const Json& json) {
  BootImage image;
  Reader reader(json, "an image");
  reader.read_number("event", image.event);
  reader.read_number("pcr", image.pcr);
  reader.read("type", image.type);
  reader.read("path", image.path);
  reader.read("digest", image.digest);
  return reader.give(std::move(image));
}

Result<BootAuthority> authority_from(const Json& json) {
  BootAuthority authority;
  Reader reader(json, "an authority");
  reader.read_number("event", authority.event);
  reader.read("variable", authority.variable);
  if (const Json* const entry = reader.member("entry")) {
    auto read = signature_from(*entry);
    if (!read) return pass_on(read);
    authority.entry = std::move(*read);
  }
  return reader.give(std::move(authority));
}

Result<LoaderEvent> loader_from(const Json& json) {
  LoaderEvent event;
  Reader reader(json, "a loader's event");
  reader.read_number("event", event.event);
  reader.read_number("pcr", event.pcr);
  reader.read("kind", event.kind);
  reader.read("text", event.text);
  reader.read("digest", event.digest);
  reader.read("attested", event.attested);
  return reader.give(std::move(event));
}

Result<std::string> text_from(const Json& json) {
  if (!json.is_string() || json.get_ref<const std::string&>().size() > longest_text)
    return fail(Code::facts_malformed, "has an element that is no text");
  return json.get<std::string>();
}

Result<std::pair<std::string, std::string>> file_from(const Json& json) {
  if (!json.is_array() || json.size() != 2 || !json[0].is_string() || !json[1].is_string())
    return fail(Code::facts_malformed, "has a file that is no pair of path and digest");
  return std::pair(json[0].get<std::string>(), json[1].get<std::string>());
}

/// Into the vector, by the function that reads one.
template <typename T, typename From>
auto into(std::vector<T>& out, From from) {
  return [&out, from](const Json& json) -> Result<void> {
    auto read = from(json);
    if (!read) return tl::unexpected<Error>(std::move(read.error()));
    out.push_back(std::move(*read));
    return {};
  };
}

Result<BootFacts> facts_from(const Json& json) {
  BootFacts facts;
  Reader reader(json, "a boot's facts");
  reader.read_texts("not_known", facts.not_known);
  if (reader.member("secure_boot") != nullptr)
    reader.read("secure_boot", facts.secure_boot.emplace());
  reader.read_list("pk", into(facts.pk, signature_from));
  reader.read_list("kek", into(facts.kek, signature_from));
  reader.read_list("db", into(facts.db, signature_from));
  reader.read_list("dbx", into(facts.dbx, signature_from));
  reader.read_list("images", into(facts.images, image_from));
  reader.read_list("authorities", into(facts.authorities, authority_from));
  reader.read_list("loader", into(facts.loader, loader_from));
  reader.read_list("kernel_command_lines", into(facts.kernel_command_lines, text_from));
  reader.read("firmware_version", facts.firmware_version);
  reader.read_texts("shim", facts.shim);
  reader.read_list("firmware_blobs", into(facts.firmware_blobs, loader_from));
  if (reader.member("startup_locality") != nullptr)
    reader.read_number("startup_locality", facts.startup_locality.emplace());
  reader.read("exit_boot_services", facts.exit_boot_services);
  return reader.give(std::move(facts));
}

Result<ImaSummary> ima_from(const Json& json) {
  ImaSummary ima;
  Reader reader(json, "an IMA summary");
  reader.read("template", ima.log_template);
  reader.read_number("covered", ima.covered);
  reader.read_number("later", ima.later);
  reader.read_number("violations", ima.violations);
  reader.read_number("unnamed", ima.unnamed);
  reader.read_list("files", into(ima.files, file_from));
  reader.read("files_cut", ima.files_cut);
  return reader.give(std::move(ima));
}

Result<std::optional<LogProblem>> problem_from(const Json& record, const char* name) {
  const auto found = record.find(name);
  if (found == record.end()) return std::optional<LogProblem>();
  LogProblem problem;
  Reader reader(*found, name);
  reader.read("code", problem.code);
  reader.read("text", problem.text);
  if (problem.code.empty()) reader.wrong("names no code");
  return reader.give(std::optional(std::move(problem)));
}

Result<std::map<unsigned, std::string>> pcrs_from(const Json& json) {
  std::map<unsigned, std::string> pcrs;
  if (!json.is_object()) return fail(Code::facts_malformed, "pcrs is an object of index to value");
  for (const auto& [index, value] : json.items()) {
    const bool known = !index.empty() && index.size() <= 2 &&
                       index.find_first_not_of("0123456789") == std::string::npos;
    if (!known || std::stoul(index) >= most_pcrs || !value.is_string())
      return fail(Code::facts_malformed, "pcrs is an object of index to value");
    pcrs[static_cast<unsigned>(std::stoul(index))] = value.get<std::string>();
  }
  return pcrs;
}

// What stands inside the record, each with a reader of its own.
Result<void> read_parts(const Json& json, BootRecord& record) {
  if (const auto pcrs = json.find("pcrs"); pcrs != json.end()) {
    auto read = pcrs_from(*pcrs);
    if (!read) return pass_on(read);
    record.pcrs = std::move(*read);
  }
  if (const auto facts = json.find("facts"); facts != json.end()) {
    auto read = facts_from(*facts);
    if (!read) return pass_on(read);
    record.facts = std::move(*read);
  }
  if (const auto ima = json.find("ima"); ima != json.end()) {
    auto read = ima_from(*ima);
    if (!read) return pass_on(read);
    record.ima = std::move(*read);
  }
  auto log_problem = problem_from(json, "log_problem");
  if (!log_problem) return pass_on(log_problem);
  record.log_problem = std::move(*log_problem);
  auto ima_problem = problem_from(json, "ima_problem");
  if (!ima_problem) return pass_on(ima_problem);
  record.ima_problem = std::move(*ima_problem);
  return {};
}

}  // namespace

Json to_json(const BootFacts& facts) {
  Json json = {{"pk", list_json(facts.pk)},
               {"kek", list_json(facts.kek)},
               {"db", list_json(facts.db)},
               {"dbx", list_json(facts.dbx)},
               {"images", list_json(facts.images)},
               {"authorities", list_json(facts.authorities)},
               {"loader", list_json(facts.loader)},
               {"kernel_command_lines", facts.kernel_command_lines},
               {"firmware_version", facts.firmware_version},
               {"shim", facts.shim},
               {"firmware_blobs", list_json(facts.firmware_blobs)},
               {"exit_boot_services", facts.exit_boot_services}};
  if (!facts.not_known.empty()) json["not_known"] = facts.not_known;
  if (facts.secure_boot) json["secure_boot"] = *facts.secure_boot;
  if (facts.startup_locality) json["startup_locality"] = *facts.startup_locality;
  return json;
}

Json to_json(const BootRecord& record) {
  Json pcrs = Json::object();
  for (const auto& [index, value] : record.pcrs) pcrs[std::to_string(index)] = value;
  Json json = {{"bank", record.bank},
               {"pcrs", std::move(pcrs)},
               {"log_given", record.log_given},
               {"clock_safe", record.clock_safe},
               {"clock", record.clock},
               {"reset_count", record.reset_count},
               {"restart_count", record.restart_count},
               {"firmware", record.firmware}};
  if (record.log_given) {
    json["events"] = list_json(record.events);
    json["facts"] = to_json(record.facts);
  }
  if (record.log_problem) json["log_problem"] = to_json(*record.log_problem);
  if (record.ima) json["ima"] = to_json(*record.ima);
  if (record.ima_problem) json["ima_problem"] = to_json(*record.ima_problem);
  return json;
}

Result<BootRecord> boot_record_from_json(const Json& json) {
  BootRecord record;
  Reader reader(json, "a boot record");
  reader.read("bank", record.bank);
  if (record.bank.empty()) reader.wrong("names no bank");
  reader.read("log_given", record.log_given);
  reader.read_list("events", into(record.events, event_from));
  reader.read("clock_safe", record.clock_safe);
  reader.read_number("clock", record.clock);
  reader.read_number("reset_count", record.reset_count);
  reader.read_number("restart_count", record.restart_count);
  reader.read_number("firmware", record.firmware);
  if (json.is_object()) {
    if (auto read = read_parts(json, record); !read) return pass_on(read);
  }
  return reader.give(std::move(record));
}

}  // namespace mintmark::attest
