#include "policy/match.h"
#include "policy/names.h"
#include "policy/texts.h"

namespace mintmark::policy {
namespace {

using config::ObjectReader;

/// One of the words, or a list of them.
std::vector<std::string> words(ObjectReader& match, const char* key, TextCheck wrong_with) {
  if (!match.is_text(key)) return optional_texts(match, key, wrong_with);
  std::string one = match.text(key);
  const std::string wrong = wrong_with(one);
  if (!wrong.empty()) match.refuse(key, wrong);
  return {std::move(one)};
}

void read_labels(ObjectReader& match_reader, Match& match) {
  match_reader.text_members("labels", [&](const std::string& name, const std::string& value) {
    match.labels.emplace(name, value);
  });
  if (match_reader.has("labels") && match.labels.empty()) {
    match_reader.refuse("labels", R"(must hold at least one label: {"site": "berlin"})");
  }
}

void read_pcrs(ObjectReader& match_reader, Match& match) {
  match_reader.object("pcrs", false, [&](ObjectReader& pcrs) {
    for (const std::string& name : pcrs.names()) {
      const auto index = pcr_index(name);
      if (!index) {
        pcrs.refuse(name.c_str(), "must be the number of a PCR, from 0 to 23");
        return;
      }
      match.pcrs[*index] = in_lower_case(checked_texts(pcrs, name.c_str(), wrong_with_pcr_value));
    }
    if (match.pcrs.empty()) pcrs.refuse_here(R"(must hold at least one PCR: {"7": ["HEX"]})");
  });
}

std::vector<unsigned> read_days(ObjectReader& reader) {
  std::vector<unsigned> days;
  for (const std::string& name : optional_texts(reader, "days", wrong_with_day)) {
    const auto day = day_named(name);
    if (day) days.push_back(*day);
  }
  return days;
}

void read_hours(ObjectReader& reader, Window& window) {
  const std::string from = reader.text("from");
  const std::string to = reader.text("to");
  if (reader.failed()) return;
  const auto start = minute_of_day(from);
  const auto end = minute_of_day(to);
  if (!start || *start == 1440) reader.refuse("from", R"(must be a time from "00:00" to "23:59")");
  if (!end) reader.refuse("to", R"(must be a time from "00:00" to "24:00")");
  if (start && end && *start == *end)
    reader.refuse("to", "must be another time than \"from\"; leave both out for whole days");
  window.from = start.value_or(0);
  window.to = end.value_or(0);
}

Window read_window(ObjectReader& reader) {
  Window window;
  window.days = read_days(reader);
  if (reader.has("from") || reader.has("to")) {
    read_hours(reader, window);
  } else if (!reader.has("days")) {
    reader.refuse_here(R"(must name "days", or "from" and "to", or all of them)");
  }
  const auto offset = offset_in_minutes(reader.text("utc_offset", "+00:00"));
  if (!offset) reader.refuse("utc_offset", R"(must be an offset such as "+02:00" or "-05:30")");
  window.utc_offset = offset.value_or(0);
  return window;
}

void read_times(ObjectReader& match_reader, Match& match) {
  match_reader.objects("times", false, [&](ObjectReader& reader) {
    const Window window = read_window(reader);
    if (!reader.failed()) match.times.open(window);
  });
  if (match_reader.has("times") && match.times.always()) {
    match_reader.refuse(
        "times",
        R"(must hold at least one window: {"days": ["mon"], "from": "08:00", "to": "18:00"})");
  }
}

void refuse_token_conditions(ObjectReader& reader) {
  for (const char* key : {"facts", "proves"}) {
    if (reader.has(key)) reader.refuse(key, "may stand in token rules alone");
  }
  if (reader.has("times")) reader.refuse("times", "may stand in token rules alone");
  if (reader.has("pcrs"))
    reader.refuse("pcrs", R"(may stand in token rules alone; write it under "expect")");
}

// Other formats bring no boot record: such a rule would be met by nobody and held by nothing.
std::string wrong_with_boot_format(std::string_view text) {
  return text == "tpm2" ? ""
                        : "must be \"tpm2\": what other formats tell of a boot is matched by token "
                          "rules (facts, pcrs, proves)";
}

}  // namespace

Match read_match(ObjectReader& rule, MatchOf of) {
  Match match;
  rule.object("match", true, [&](ObjectReader& reader) {
    if (of == MatchOf::boot) refuse_token_conditions(reader);
    if (reader.size() == (reader.has("times") ? 1U : 0U)) {
      reader.refuse_here(
          "must not be empty, nor name times alone, since it would match every device; write "
          R"({"format": "tpm2"} at least)");
    }
    match.formats =
        words(reader, "format", of == MatchOf::boot ? wrong_with_boot_format : wrong_with_format);
    match.key_protections = words(reader, "key_protection", wrong_with_key_protection);
    match.manufacturers =
        in_lower_case(optional_texts(reader, "manufacturer", wrong_with_manufacturer));
    match.roots = in_lower_case(optional_texts(reader, "root", wrong_with_sha256));
    match.models = optional_texts(reader, "model", wrong_with_nothing);
    read_labels(reader, match);
    if (of == MatchOf::boot) return;
    read_pcrs(reader, match);
    match.proves = words(reader, "proves", wrong_with_proof);
    match.facts = read_facts(reader);
    read_times(reader, match);
  });
  return match;
}

}  // namespace mintmark::policy
