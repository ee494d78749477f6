// The doors themselves, as real as they are: HTTP over sockets, the library by its public faces.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "attack.h"

namespace mintmark::attacks {

/// What came back.
struct Outcome {
  bool taken = false;
  unsigned status = 0;         ///< 0: no HTTP.
  std::string code = {};       ///< Ours; "" where it was taken.
  std::string error = {};      ///< OAuth's, of the body.
  std::string challenge = {};  ///< Of WWW-Authenticate, its error; "": it has none.
  bool challenged = false;
  bool ended = true;      ///< Nothing more came, where it was looked.
  std::string text = {};  ///< For messages.
};

/// Sends octets over a connection of its own and reads the one answer. `to_its_end`: also that
/// nothing comes behind it before the server closes.
[[nodiscard]] Outcome ask(std::uint16_t port, const std::string& octets, bool to_its_end = false);

/// Listeners of one program.
class HttpDoors {
 public:
  virtual ~HttpDoors() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual Scene scene(Door door) const = 0;
  /// An honest request.
  [[nodiscard]] virtual Wire honest(Door door) const = 0;
  /// The honest request with this message in place of the honest one. `token`: what a proof goes
  /// with.
  [[nodiscard]] virtual Wire carrying(Door door, Message message, const std::string& text,
                                      const std::string& token) const = 0;
};

/// The issuer's endpoints on a listener, with keys in memory.
class IssuerDoors : public HttpDoors {
 public:
  /// Whether /introspect calls a token active, for a service that it is for; nothing: another
  /// answer.
  [[nodiscard]] virtual std::optional<bool> active(const std::string& token) const = 0;
};
[[nodiscard]] std::unique_ptr<IssuerDoors> open_issuer();

/// mint-gate serve, in its own process.
class GateDoor : public HttpDoors {
 public:
  /// How often what a message's jku and x5u name was fetched.
  [[nodiscard]] virtual int strange_requests() const = 0;
};
[[nodiscard]] std::unique_ptr<GateDoor> open_gate();

/// The C++ and the C face.
class LibraryDoor {
 public:
  virtual ~LibraryDoor() = default;
  enum class Face { cpp, c };
  [[nodiscard]] virtual Scene scene(Face face) const = 0;
  [[nodiscard]] virtual Outcome check(Face face, const std::string& token,
                                      const std::string& proof) const = 0;
  /// A status list or a frontier, as the gate's readers take it.
  [[nodiscard]] virtual Outcome read(Message message, const std::string& text) const = 0;
};
[[nodiscard]] std::unique_ptr<LibraryDoor> open_library();

/// What the issuer publishes.
[[nodiscard]] Json published_keys();

}  // namespace mintmark::attacks
