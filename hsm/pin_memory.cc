#include "hsm/pin_memory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "base/json.h"

namespace mintmark::hsm {
namespace {

std::string text_of(const timespec& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

}  // namespace

PinMemory::PinMemory(std::string file, config::PinSource source)
    : file_(std::move(file)), source_(std::move(source)) {}

std::string PinMemory::stamp() const {
  if (source_.fd) return "fd";  // What comes by it next time cannot be told apart.
  std::string path = source_.file;
  if (path.empty()) {
    const char* directory =
        std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): one thread
    path = std::string(directory == nullptr ? "" : directory) + "/" + source_.credential;
  }
  struct stat now {};
  if (stat(path.c_str(), &now) != 0) return path + " absent";
  return path + " " + std::to_string(now.st_ino) + " " + std::to_string(now.st_size) + " " +
         text_of(now.st_mtim) + " " + text_of(now.st_ctim);
}

PinMemory::Record PinMemory::remembered() const {
  Record record{.stamp = stamp()};
  const auto text = read_file(file_);
  if (!text) return record;
  const auto json = parse_json(*text);
  // What cannot be read was not written by us: it says "not tried" rather than nothing.
  if (!json || !json->is_object() || !json->contains("source") || !(*json)["source"].is_string()) {
    record.refused = true;
    return record;
  }
  if ((*json)["source"] != record.stamp) return record;
  record.refused = json->value("refused", Json(true)) != Json(false);
  const Json unanswered = json->value("unanswered", Json(0U));
  record.unanswered =
      unanswered.is_number_unsigned() ? unanswered.get<unsigned>() : most_unanswered;
  return record;
}

Result<void> PinMemory::write(const Record& record) const {
  const Json json{
      {"source", record.stamp}, {"refused", record.refused}, {"unanswered", record.unanswered}};
  return write_file_atomically(file_, json.dump());
}

std::optional<Error> PinMemory::objection() const {
  const Record record = remembered();
  const std::string remedy =
      source_.fd ? "give mintd another one and remove " + file_
                 : std::string("change its source, or touch it if it is right after all");
  if (record.refused) {
    return Error{Code::hsm_pin_refused,
                 "the token refused this PIN; it is not tried again: " + remedy, 0};
  }
  if (record.unanswered >= most_unanswered) {
    return Error{Code::hsm_pin_refused,
                 "this PIN was offered " + std::to_string(record.unanswered) +
                     " times and no answer came; it is not tried again: " + remedy,
                 0};
  }
  return std::nullopt;
}

Result<void> PinMemory::attempt_begins() {
  Record record = remembered();
  attempted_ = record.stamp;
  ++record.unanswered;
  return write(record);
}

Result<void> PinMemory::attempt_ended(const Vitals::Logins& logins) {
  Record record = remembered();
  // The source may have changed since: what was heard is of the one that was offered.
  if (record.stamp != attempted_) record = Record{.stamp = attempted_};
  record.refused = logins.refused > 0;
  if (!logins.unanswered()) {
    record.unanswered = 0;
  } else if (record.unanswered == 0) {
    record.unanswered = 1;  // It had worked before, and this was a login in between.
  }
  return write(record);
}

Result<void> PinMemory::was_refused(const std::string& source) const {
  return write(Record{.stamp = source, .refused = true});
}

void PinMemory::worked() { unlink(file_.c_str()); }

}  // namespace mintmark::hsm
