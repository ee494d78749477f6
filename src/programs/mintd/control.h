// What keeper and front say to each other, as JSON in frames of ipc::Channel.
//
//   keeper -> front
//     keys     {snapshot, clock_mark,      which keys are published and which sign; the latest
//               revoked: [kid]}            moment at which this issuer worked; keys taken back
//     clock    {}                          an operator says that the clock is right now
//     signer   {store} + descriptor        a new channel to that store's signer
//     admin    {id, method, target, body}  an operator's request that the front answers
//     reload   {id} + descriptor           a sealed file: what is to be in force (reload_texts)
//     figures  {front_restarts, front_starts_failed, front_out_of_memory, lease_losses,
//               stores: [to_json of Health], signers: [SignerSlot::figures()], keys, warnings,
//               reloaded_at, reload_successful}   what only the keeper knows, for /metrics and
//                                          /readyz
//     evidence {kid, kind, facts}          what proves where a published key lives; good until the
//                                          key is published no more
//     activated {id, secret} or {id, code, detail, retry_after}   to `activate`
//     stop     {}                          answer what is under way, then end
//   front -> keeper
//     ready    {}                          it accepts connections
//     waiting  {for}                       it does not yet: its TLS key is not to be had
//     keys_in_force {epoch}                to `keys`: nothing decided by an earlier one leaves,
//                                          and services are being told of revoked ones
//     answer   {id, status, body}          to `admin` and `reload`
//     coverage {verifiers: [{id, kids, heard_at}]}   which keys listed verifiers say they hold:
//                                          those heard since the last one, at most one a second
//     activate {id, kid, ek_nv_index, credential_blob, encrypted_secret}   a stranger's credential
//                                          for the AK of that key's store; one at a time. The
//                                          octets, base64url, go to the signer unread.
//
// The keeper never looks into `body`: what strangers caused to be stored is not parsed by it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "http/message.h"
#include "ipc/channel.h"

namespace mintmark::mintd {

/// One frame's worth.
[[nodiscard]] Bytes to_frame(const Json& message);
/// `internal` if it is no object with a text member "type".
[[nodiscard]] Result<Json> from_frame(BytesView frame);

/// The front's `answer`; an error in its place if it does not fit into a frame.
[[nodiscard]] Bytes answer_frame(std::uint64_t id, const http::Response& response);

/// What the file beside `reload` holds. The TLS key is wiped from memory with the object.
struct ReloadTexts {
  std::string config_name;
  std::string config;
  std::string policy;  ///< policy::Bundle, packed.
  std::string tls_certificate;
  std::string tls_key;

  ReloadTexts() = default;
  ReloadTexts(ReloadTexts&&) = default;
  ReloadTexts& operator=(ReloadTexts&&) = default;
  ~ReloadTexts();

  /// As one text; the caller wipes it.
  [[nodiscard]] std::string packed() const;
  /// `internal` if it is not what packed() makes.
  [[nodiscard]] static Result<ReloadTexts> from(std::string_view packed);
};

/// The keeper's side of `admin` and `answer`. One thread.
class AdminRelay {
 public:
  /// Asks the front; 503 if there is none, 413 if the request does not fit into a frame.
  void ask(const std::shared_ptr<ipc::Channel>& front, const http::Request& request,
           http::Respond respond);
  /// Sends `message` with an id of its own, and a descriptor; for what the keeper itself asks.
  void ask(const std::shared_ptr<ipc::Channel>& front, Json message, UniqueFd descriptor,
           http::Respond respond);
  void answered(const Json& message);
  /// The front is gone: everything it was asked is 503.
  void front_gone();

 private:
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, http::Respond> waiting_;
};

}  // namespace mintmark::mintd
