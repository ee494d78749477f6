// How chapters about requests are written.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "attack.h"

namespace mintmark::attacks {

using Rights = std::map<Door, Right>;
using Change = std::function<void(Wire&)>;

inline Rights at(std::initializer_list<Door> doors, const Right& right) {
  Rights rights;
  for (const Door door : doors) rights.emplace(door, right);
  return rights;
}
inline Rights everywhere(const Right& right) {
  return at({Door::token_endpoint, Door::introspection, Door::revocation, Door::issuer_resource,
             Door::gate},
            right);
}
inline Rights at_forms(const Right& right) {
  return at({Door::token_endpoint, Door::introspection, Door::revocation}, right);
}
inline Rights at_resources(const Right& right) {
  return at({Door::issuer_resource, Door::gate}, right);
}
inline Rights and_also(Rights rights, const Rights& more) {
  rights.insert(more.begin(), more.end());
  return rights;
}

class WireRows {
 public:
  explicit WireRows(const char* title) : chapter_{title, {}} {}
  WireAttack& octets(const std::string& name, std::function<std::string(Wire)> make,
                     Rights rights) {
    chapter_.attacks.push_back({name, std::move(make), std::move(rights)});
    return chapter_.attacks.back();
  }
  WireAttack& changed(const std::string& name, const Change& change, Rights rights) {
    return octets(
        name,
        [change](Wire wire) {
          change(wire);
          return wire.octets();
        },
        std::move(rights));
  }
  [[nodiscard]] WireChapter chapter() && { return std::move(chapter_); }

 private:
  WireChapter chapter_;
};

inline Change add(const std::string& field) {
  return [field](Wire& wire) { wire.add(field); };
}
inline Change remove(const std::string& name) {
  return [name](Wire& wire) { wire.remove(name); };
}
/// In the request line: `from` becomes `to`.
inline Change line_with(const std::string& from, const std::string& to) {
  return [from, to](Wire& wire) { wire.line.replace(wire.line.find(from), from.size(), to); };
}
inline Change before_target(const std::string& text) {
  return [text](Wire& wire) { wire.line.insert(wire.line.find('/'), text); };
}
inline Change behind_target(const std::string& text) {
  return [text](Wire& wire) { wire.line.insert(wire.line.rfind(' '), text); };
}
inline Change value_from(const std::string& name, std::function<std::string(std::string)> make) {
  return [name, make = std::move(make)](Wire& wire) { wire.set(name, make(wire.value(name))); };
}
inline Change body_and(const std::string& text) {
  return [text](Wire& wire) { wire.with_body(wire.body + text); };
}
inline Change repeated(const std::string& name) {
  return [name](Wire& wire) { wire.add(name + ": " + wire.value(name)); };
}

}  // namespace mintmark::attacks
