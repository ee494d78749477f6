#include "programs/mintd/acknowledgements.h"

#include <boost/asio/post.hpp>

namespace mintmark::mintd {

Acknowledgements::Acknowledgements(const Strand& strand, const std::vector<std::string>& listed,
                                   std::chrono::milliseconds pause, Send send)
    : strand_(strand),
      listed_(listed.begin(), listed.end()),
      pause_(pause),
      send_(std::move(send)),
      timer_(strand) {}

bool Acknowledgements::take(keyring::Acknowledgement said) {
  if (!listed_.contains(said.verifier)) return false;
  const MutexLock lock(mutex_);
  std::string verifier = said.verifier;
  waiting_.insert_or_assign(std::move(verifier), std::move(said));
  if (!std::exchange(sending_, true)) boost::asio::post(strand_, [this] { send_some(); });
  return true;
}

void Acknowledgements::send_some() {
  std::vector<keyring::Acknowledgement> some;
  {
    const MutexLock lock(mutex_);
    while (!waiting_.empty() && some.size() < most_at_once)
      some.push_back(std::move(waiting_.extract(waiting_.begin()).mapped()));
    sending_ = !some.empty();
  }
  if (some.empty()) return;
  send_(some);
  timer_.expires_after(pause_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) send_some();
  });
}

}  // namespace mintmark::mintd
