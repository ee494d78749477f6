#include "config/reader.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/bytes.h"

namespace mintmark::config {

struct ObjectReader::Shared {
  const JsonDocument& document;
  Code code;
  std::optional<Error> error;
  // The object in which a key was found absent: a misspelt key beside it says more than the
  // absence.
  std::optional<std::string> absent_in;
};

namespace {

constexpr std::size_t longest_name_compared = 80;

std::string pointer_segment(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string kind_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "a list";
    case Json::value_t::string:
      return "text";
    case Json::value_t::boolean:
      return "true or false";
    case Json::value_t::number_float:
      return "a number with a fraction";
    default:
      return "a number";
  }
}

// Levenshtein's; both names are short.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t changed = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
    }
  }
  return row[right.size()];
}

std::string listed(const std::set<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "\"" : ", \"") + name + "\"";
  return out;
}

std::string advice_for(std::string_view unknown, const std::set<std::string>& known) {
  std::size_t best = std::numeric_limits<std::size_t>::max();
  std::string nearest;
  for (const auto& name : known) {
    const std::size_t far = distance(unknown.substr(0, longest_name_compared), name);
    if (far >= best) continue;
    best = far;
    nearest = name;
  }
  if (nearest.empty()) return "unknown key; none may stand here";
  if (best <= std::max<std::size_t>(2, nearest.size() / 3)) {
    return "unknown key; the nearest known one is \"" + nearest + "\"";
  }
  return "unknown key; known here: " + listed(known);
}

}  // namespace

ObjectReader::ObjectReader(const JsonDocument& document, Code code)
    : shared_(std::make_shared<Shared>(Shared{document, code, std::nullopt, std::nullopt})),
      node_(&document.value) {
  if (!node_->is_object()) refuse_here("must be an object, not " + kind_of(*node_));
}

ObjectReader::ObjectReader(std::shared_ptr<Shared> shared, const Json* node, Place place)
    : shared_(std::move(shared)), node_(node), place_(std::move(place)) {}

ObjectReader::Place ObjectReader::below(const std::string& key) const {
  return {place_.pointer + "/" + pointer_segment(key),
          place_.path.empty() ? printable(key) : place_.path + "." + printable(key)};
}

ObjectReader::Place ObjectReader::element(const Place& array, std::size_t index) {
  const std::string number = std::to_string(index);
  return {array.pointer + "/" + number, array.path + "[" + number + "]"};
}

bool ObjectReader::failed() const { return shared_->error.has_value(); }

bool ObjectReader::has(const char* key) const { return node_->is_object() && node_->contains(key); }

bool ObjectReader::is_text(const char* key) const { return has(key) && node_->at(key).is_string(); }
bool ObjectReader::is_object(const char* key) const {
  return has(key) && node_->at(key).is_object();
}

std::size_t ObjectReader::size() const { return node_->is_object() ? node_->size() : 0; }

std::vector<std::string> ObjectReader::names() const {
  std::vector<std::string> all;
  if (!node_->is_object()) return all;
  for (const auto& [name, value] : node_->items()) all.push_back(name);
  return all;
}

void ObjectReader::refuse_at(const Place& place, const std::string& what) {
  if (shared_->error) return;
  std::string detail = shared_->document.place_of(place.pointer) + ": ";
  detail += place.path.empty() ? "the document" : "key \"" + place.path + "\":";
  shared_->error = Error{shared_->code, detail + " " + what, 0};
}

void ObjectReader::refuse(const char* key, const std::string& what_would_be_right) {
  refuse_at(below(key), what_would_be_right);
}

void ObjectReader::refuse_element(const char* key, std::size_t index,
                                  const std::string& what_would_be_right) {
  refuse_at(element(below(key), index), what_would_be_right);
}

void ObjectReader::refuse_here(const std::string& what_would_be_right) {
  refuse_at(place_, what_would_be_right);
}

const Json* ObjectReader::take(const char* key, bool required) {
  asked_.insert(key);
  if (failed()) return nullptr;
  if (const auto found = node_->find(key); found != node_->end()) return &*found;
  if (required) {
    refuse(key, "is missing");
    shared_->absent_in = place_.pointer;
  }
  return nullptr;
}

bool ObjectReader::is_fit_text(const Json& value, const Place& place) {
  if (!value.is_string()) {
    refuse_at(place, "must be text, not " + kind_of(value));
    return false;
  }
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) {
    refuse_at(place, "must not be empty");
    return false;
  }
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
    refuse_at(place, "must not hold control characters");
    return false;
  }
  return true;
}

std::string ObjectReader::text(const char* key, const std::optional<std::string>& fallback) {
  const Json* value = take(key, !fallback);
  if (value != nullptr && is_fit_text(*value, below(key))) return value->get<std::string>();
  return fallback.value_or("");
}

std::string ObjectReader::choice(const char* key, std::initializer_list<const char*> words,
                                 const std::optional<std::string>& fallback) {
  std::string value = text(key, fallback);
  if (failed() || value == fallback) return value;
  std::string all;
  for (const char* word : words) {
    if (value == word) return value;
    all += (all.empty() ? "\"" : " or \"") + std::string(word) + "\"";
  }
  refuse(key, "must be " + all);
  return fallback.value_or("");
}

std::optional<std::int64_t> ObjectReader::integer_of(const Json& value, const Place& place,
                                                     std::int64_t least, std::int64_t most) {
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  if (!value.is_number_integer()) {
    refuse_at(place, "must be a whole number from " + range + ", not " + kind_of(value));
    return std::nullopt;
  }
  constexpr auto greatest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool fits = !value.is_number_unsigned() || value.get<std::uint64_t>() <= greatest;
  if (fits && value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most) {
    return value.get<std::int64_t>();
  }
  refuse_at(place, "must be from " + range + ", not " + value.dump());
  return std::nullopt;
}

std::int64_t ObjectReader::integer(const char* key, std::int64_t least, std::int64_t most,
                                   const std::optional<std::int64_t>& fallback) {
  const Json* value = take(key, !fallback);
  if (value == nullptr) return fallback.value_or(least);
  return integer_of(*value, below(key), least, most).value_or(fallback.value_or(least));
}

std::vector<std::int64_t> ObjectReader::integers(
    const char* key, std::int64_t least, std::int64_t most,
    const std::optional<std::vector<std::int64_t>>& fallback) {
  const Json* value = take(key, !fallback);
  if (value == nullptr) return fallback.value_or(std::vector<std::int64_t>{});
  const Place place = below(key);
  if (!value->is_array()) {
    refuse_at(place, "must be a list of whole numbers, not " + kind_of(*value));
    return {};
  }
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const auto number = integer_of((*value)[i], element(place, i), least, most);
    if (!number) return {};
    all.push_back(*number);
  }
  return all;
}

bool ObjectReader::boolean(const char* key, const std::optional<bool>& fallback) {
  const Json* value = take(key, !fallback);
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  if (value != nullptr) refuse(key, "must be true or false, not " + kind_of(*value));
  return fallback.value_or(false);
}

std::vector<std::string> ObjectReader::texts_of(const Json& value, const Place& place) {
  if (!value.is_array()) {
    refuse_at(place, "must be a list of texts, not " + kind_of(value));
    return {};
  }
  std::vector<std::string> all;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!is_fit_text(value[i], element(place, i))) return {};
    all.push_back(value[i].get<std::string>());
  }
  return all;
}

std::vector<std::string> ObjectReader::texts(
    const char* key, const std::optional<std::vector<std::string>>& fallback) {
  const Json* value = take(key, !fallback);
  if (value == nullptr) return fallback.value_or(std::vector<std::string>{});
  return texts_of(*value, below(key));
}

void ObjectReader::descend(const Json& value, const Place& place,
                           const std::function<void(ObjectReader&)>& read) {
  if (!value.is_object()) {
    refuse_at(place, "must be an object, not " + kind_of(value));
    return;
  }
  ObjectReader reader(shared_, &value, place);
  read(reader);
  reader.refuse_unknown();
}

void ObjectReader::object(const char* key, bool required,
                          const std::function<void(ObjectReader&)>& read) {
  const Json* value = take(key, required);
  if (value != nullptr) descend(*value, below(key), read);
}

void ObjectReader::objects(const char* key, bool required,
                           const std::function<void(ObjectReader&)>& read) {
  const Json* value = take(key, required);
  if (value == nullptr) return;
  const Place place = below(key);
  if (!value->is_array()) {
    refuse_at(place, "must be a list of objects, not " + kind_of(*value));
    return;
  }
  for (std::size_t i = 0; i < value->size() && !failed(); ++i) {
    descend((*value)[i], element(place, i), read);
  }
}

void ObjectReader::members(
    const char* key, bool required,
    const std::function<void(const std::string& name, ObjectReader&)>& read) {
  object(key, required, [&](ObjectReader& all) {
    for (const auto& [name, value] : all.node_->items()) {
      all.object(name.c_str(), true, [&, &named = name](ObjectReader& one) { read(named, one); });
    }
  });
}

void ObjectReader::text_members(
    const char* key,
    const std::function<void(const std::string& name, const std::string& value)>& read) {
  object(key, false, [&](ObjectReader& all) {
    for (const auto& [name, unused] : all.node_->items()) {
      const std::string value = all.text(name.c_str());
      if (!failed()) read(name, value);
    }
  });
}

void ObjectReader::refuse_unknown() {
  if (failed() && shared_->absent_in != place_.pointer) return;
  for (const auto& [name, value] : node_->items()) {
    if (asked_.contains(name)) continue;
    shared_->error.reset();
    shared_->absent_in.reset();
    refuse_at(below(name), advice_for(name, asked_));
    return;
  }
}

Result<void> ObjectReader::finish() {
  if (node_->is_object()) refuse_unknown();
  if (shared_->error) return tl::unexpected<Error>(*shared_->error);
  return {};
}

}  // namespace mintmark::config
