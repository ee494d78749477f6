// What somebody else puts into a PKCS#11 token: a maker in its factory, an owner, a crash.
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>
#include <vector>

#include "jose/key.h"

namespace mintmark::test {

/// Whether the module is this object's to begin and end, or the test's and open already.
enum class Module : std::uint8_t { closed, open };

/// Logged in to the first token of the module. Throws where the module refuses.
class TokenObjects {
 public:
  TokenObjects(const std::string& module, const std::string& pin, Module state = Module::closed);
  ~TokenObjects();
  TokenObjects(const TokenObjects&) = delete;
  TokenObjects& operator=(const TokenObjects&) = delete;

  /// EC P-256.
  jose::PublicKey generate(const Bytes& id, const std::string& label, bool extractable = false);
  /// From outside: d = 1, whose public half is the generator of P-256.
  void import_generator(const Bytes& id, const std::string& label);
  void certificate(const Bytes& id, const Bytes& der);
  void destroy(CK_OBJECT_CLASS object_class, const Bytes& id);
  [[nodiscard]] std::size_t count(CK_OBJECT_CLASS object_class, const std::string& label);
  /// Not in the token: those of sessions.
  [[nodiscard]] std::size_t count(CK_OBJECT_CLASS object_class, const Bytes& id,
                                  bool in_the_token = true);
  /// Any object.
  CK_OBJECT_HANDLE create(std::vector<CK_ATTRIBUTE> attributes);

 private:
  CK_FUNCTION_LIST* calls_ = nullptr;
  CK_SESSION_HANDLE session_ = 0;
  Module state_;
};

}  // namespace mintmark::test
