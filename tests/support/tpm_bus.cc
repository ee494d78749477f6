#include "support/tpm_bus.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace mintmark::test {
namespace {

constexpr int look = 50;  // ms between two looks at whether it is to end.
constexpr std::size_t header = 10;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

UniqueFd listening_at(std::uint16_t port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  const bool bound =
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      listen(fd.get(), 4) == 0;
  return bound ? std::move(fd) : UniqueFd();
}

/// Closed without waiting for what may still come: so many connections would take all ports.
void forget_when_closed(const UniqueFd& fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::uint16_t port_of(const UniqueFd& fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

std::uint32_t number_at(const Bytes& octets, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8U | octets.at(at + i);
  return number;
}

/// One command or answer: tag, size, code, rest (TPM 2.0 Part 1, 18). Empty: the other side ended.
Bytes read_message(int from) {
  Bytes message(header);
  std::size_t have = 0;
  std::size_t wanted = header;
  while (have < wanted) {
    const ssize_t count = recv(from, message.data() + have, wanted - have, 0);
    if (count <= 0) return {};
    have += static_cast<std::size_t>(count);
    if (have == header) {
      wanted = number_at(message, 2);
      if (wanted < header || wanted > 8192) return {};
      message.resize(wanted);
    }
  }
  return message;
}

bool send_all(int to, const Bytes& octets) {
  return send(to, octets.data(), octets.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(octets.size());
}

void append_number(Bytes& to, std::uint32_t number) {
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    to.push_back(static_cast<std::uint8_t>(number >> shift));
}

/// A command without authorisations: its code and what follows, all of them numbers of four octets.
Bytes asked(int tpm, const std::vector<std::uint32_t>& words) {
  Bytes command = {0x80, 0x01};
  append_number(command, static_cast<std::uint32_t>(6 + 4 * words.size()));
  for (const std::uint32_t word : words) append_number(command, word);
  return send_all(tpm, command) ? read_message(tpm) : Bytes();
}

// Part 2, 7.4: transient objects, sessions that are loaded, and saved.
constexpr std::array<std::uint32_t, 3> of_programs{0x80000000, 0x02000000, 0x03000000};
constexpr std::uint32_t of_owners_indexes = 0x01800000;

std::vector<std::uint32_t> handles(int tpm, std::uint32_t first) {
  constexpr std::uint32_t get_capability = 0x17A;
  const Bytes answer = asked(tpm, {get_capability, /*handles*/ 1, first, /*at most*/ 64});
  constexpr std::size_t list = header + 1 + 4;  // Behind moreData and capability.
  std::vector<std::uint32_t> found;
  for (std::size_t at = list + 4; at + 4 <= answer.size(); at += 4)
    found.push_back(number_at(answer, at));
  return found;
}

void flush_all(int tpm) {
  constexpr std::uint32_t flush_context = 0x165;
  for (const std::uint32_t first : of_programs) {
    for (const std::uint32_t handle : handles(tpm, first))
      (void)asked(tpm, {flush_context, handle});
  }
}

std::vector<std::uint32_t> all_held(int tpm) {
  std::vector<std::uint32_t> found = handles(tpm, of_owners_indexes);
  std::erase_if(found,
                [](std::uint32_t index) { return index >> 22U != of_owners_indexes >> 22U; });
  for (const std::uint32_t first : of_programs) {
    const auto more = handles(tpm, first);
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

/// Raw octets, as they come.
bool copy_some(int from, int to) {
  Bytes chunk(4096);
  const ssize_t count = recv(from, chunk.data(), chunk.size(), 0);
  if (count <= 0) return false;
  chunk.resize(static_cast<std::size_t>(count));
  return send_all(to, chunk);
}

}  // namespace

TpmBus::TpmBus(std::uint16_t swtpm_port) {
  for (int attempt = 0; attempt < 50 && listeners_.empty(); ++attempt) {
    UniqueFd first = listening_at(0);
    UniqueFd second =
        first ? listening_at(static_cast<std::uint16_t>(port_of(first) + 1)) : UniqueFd();
    if (!second) continue;
    port_ = port_of(first);
    listeners_.push_back(std::move(first));
    listeners_.push_back(std::move(second));
  }
  if (listeners_.empty()) throw std::runtime_error("no two neighbouring ports are free");
  for (const int which : {0, 1}) {
    const int listener = listeners_.at(static_cast<std::size_t>(which)).get();
    const auto to = static_cast<std::uint16_t>(swtpm_port + which);
    threads_.emplace_back(
        [this, listener, to, which] { pass_on(listener, to, /*listening_in=*/which == 0); });
  }
}

TpmBus::~TpmBus() {
  ending_ = true;
  for (std::thread& thread : threads_) thread.join();
}

std::string TpmBus::tcti() const { return "swtpm:host=127.0.0.1,port=" + std::to_string(port_); }

Bytes TpmBus::heard() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

void TpmBus::change_commands(Change change) {
  const std::lock_guard lock(mutex_);
  commands_ = std::move(change);
}

void TpmBus::change_answers(Change change) {
  const std::lock_guard lock(mutex_);
  answers_ = std::move(change);
}

void TpmBus::flush_before_next_command() {
  const std::lock_guard lock(mutex_);
  flushes_ = true;
}

void TpmBus::look_before_next_command() {
  const std::lock_guard lock(mutex_);
  looks_ = true;
  held_.reset();
}

std::optional<std::vector<std::uint32_t>> TpmBus::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

void TpmBus::pass_on(int listener, std::uint16_t to, bool listening_in) {
  while (!ending_) {
    pollfd waiting{listener, POLLIN, 0};
    if (poll(&waiting, 1, look) != 1) continue;
    const UniqueFd program(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    const UniqueFd tpm(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(to);
    if (!program ||
        connect(tpm.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      continue;
    forget_when_closed(program);
    forget_when_closed(tpm);
    converse(program.get(), tpm.get(), listening_in);
  }
}

void TpmBus::converse(int program, int tpm, bool listening_in) {
  std::uint32_t command = 0;
  while (!ending_) {
    std::array<pollfd, 2> ends{{{program, POLLIN, 0}, {tpm, POLLIN, 0}}};
    if (poll(ends.data(), ends.size(), look) < 1) continue;
    const bool from_program = ends[0].revents != 0;
    const int from = from_program ? program : tpm;
    const int to = from_program ? tpm : program;
    if (!listening_in) {
      if (!copy_some(from, to)) return;
      continue;
    }
    Bytes message = read_message(from);
    if (message.empty()) return;
    if (from_program) command = number_at(message, 6);
    {
      const std::lock_guard lock(mutex_);
      if (from_program && std::exchange(flushes_, false)) flush_all(tpm);
      if (from_program && std::exchange(looks_, false)) held_ = all_held(tpm);
      heard_.insert(heard_.end(), message.begin(), message.end());
      const Change& change = from_program ? commands_ : answers_;
      if (change) change(command, message);
    }
    if (message.empty()) return flush_all(tpm);
    if (!send_all(to, message)) return;
  }
}

}  // namespace mintmark::test
