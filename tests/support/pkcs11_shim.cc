// A PKCS#11 module that loads the real one and, by script, makes it fail: for tests of every fault
// that hardware has. MINTMARK_SHIM_MODULE names the real module, MINTMARK_SHIM_SCRIPT a file that
// is read at each call, and MINTMARK_SHIM_LOG one that gets a line a call.
//
// The script has a line for each fault: FUNCTION WHAT [VALUE] [TIMES]
//   C_Sign return 0xB3       CK_RV 0xB3, the real function is not called
//   C_Sign after 0x30        the real function is called, and its answer lost
//   C_Sign delay 500         milliseconds, then the real function
//   C_Sign hang              until the script no longer says so
//   C_Sign crash 2           the process ends by SIGSEGV just before the third call
//   C_Sign crashafter 2      likewise just after it
//   C_Sign garble            the real answer with one bit turned
//   C_Sign length 7          the real answer, of another length
//   C_Sign wrongkey          the digest, signed by a key of the shim's own
//   C_CopyObject loose       the copy shows itself as extractable
//   C_Sign call 59           a system call by its number, all arguments 0; its errno (0: done) gets
//   a
//                            line in the log, "call 59 1"
//   C_Sign socket 2          a socket of that family; "socket 2 97"
//   C_Sign connect 8443      TCP to this machine; "connect 8443 101"
//   C_Sign exec 0            /bin/true in the place of this process; "exec 0 1"
//   C_Sign read 4711         a word of that process's memory; "read 4711 1"
//   C_GetAttributeValue length 7    each value is said to be of that length, whatever was written
//   C_GetAttributeValue garble      one bit of each value turned
//   mechanism hide 0x40      the module has no such mechanism (as many lines as there are to hide)
//   any return 0x30 5 once   the fifth call since the script was written, whichever function it is
//                            of; without `once` from it on. `any after 0x30 5` likewise. Never of
//                            C_Finalize, without which the process could not begin anew.
// With TIMES only the first so many calls since the script was written are hit; with
// `until FUNCTION` in its place the fault ends when that function has been called, with `once` it
// hits one call, of whichever process comes first.
#define OPENSSL_API_COMPAT 0x10101000L  // A key of its own, made in three lines.

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <p11-kit/pkcs11.h>

namespace {

struct Fault {
  std::string what;
  unsigned long value = 0;
  long times = -1;    // Left; -1: always.
  std::string until;  // The function whose call ends it.
  bool once = false;  // For all processes together.
};

std::mutex mutex;
std::string present_script;
std::map<std::string, Fault> faults;
long calls_since = 0;  // Since the script was written.
std::set<unsigned long> hidden_mechanisms;
std::set<CK_OBJECT_HANDLE> loose_copies;
CK_FUNCTION_LIST* real = nullptr;
CK_FUNCTION_LIST ours;

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void log_line(const std::string& words) {
  const int fd =
      open(setting("MINTMARK_SHIM_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  const std::string line = words + "\n";
  (void)!write(fd, line.data(), line.size());
  close(fd);
}

void read_script() {
  std::ifstream file(setting("MINTMARK_SHIM_SCRIPT"));
  std::stringstream text;
  text << file.rdbuf();
  if (text.str() == present_script) return;
  present_script = text.str();
  faults.clear();
  calls_since = 0;
  hidden_mechanisms.clear();
  std::istringstream lines(present_script);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string function;
    Fault fault;
    std::string value;
    std::string times;
    words >> function >> fault.what >> value >> times >> fault.until;
    fault.value = std::strtoul(value.c_str(), nullptr, 0);
    fault.once = times == "once";
    if (!times.empty() && times != "until" && !fault.once)
      fault.times = std::strtol(times.c_str(), nullptr, 10);
    if (function == "mechanism") {
      hidden_mechanisms.insert(fault.value);
    } else if (!function.empty()) {
      faults[function] = fault;
    }
  }
}

// Whoever makes the mark is the first; a new script's inode is a new mark.
bool is_first(const char* function) {
  struct stat script {};
  if (stat(setting("MINTMARK_SHIM_SCRIPT"), &script) != 0) return false;
  const std::string mark = std::string(setting("MINTMARK_SHIM_SCRIPT")) + "." + function + "." +
                           std::to_string(script.st_ino) + "." +
                           std::to_string(script.st_ctim.tv_nsec);
  const int fd = open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

// What the script wants of a call of whichever function, if it is this call's turn.
Fault fault_of_any() {
  ++calls_since;
  const auto any = faults.find("any");
  if (any == faults.end() || calls_since < any->second.times) return {};
  const bool turn = calls_since == any->second.times || any->second.until != "once";
  return turn ? any->second : Fault{};
}

// What the script wants of this call now; "" for nothing.
Fault fault_of(const char* function) {
  const std::lock_guard lock(mutex);
  read_script();
  if (std::string(function) != "C_Finalize") {
    if (Fault fault = fault_of_any(); !fault.what.empty()) return fault;
  }
  for (auto& [name, fault] : faults) {
    if (fault.until == function) fault.times = 0;
  }
  const auto found = faults.find(function);
  if (found == faults.end() || found->second.times == 0) return {};
  const bool crash = found->second.what.rfind("crash", 0) == 0;
  if (crash && found->second.value > 0) {
    --found->second.value;
    return {};
  }
  if (found->second.once && !is_first(function)) return {};
  if (found->second.times > 0) --found->second.times;
  return found->second;
}

void hang(const char* function) {
  // Whoever scripted it takes the line away.
  for (;;) {
    usleep(2000);
    const std::lock_guard lock(mutex);
    read_script();
    const auto found = faults.find(function);
    if (found == faults.end() || found->second.what != "hang") return;
  }
}

bool tries(const std::string& what) {
  return what == "call" || what == "socket" || what == "connect" || what == "exec" ||
         what == "read";
}

bool connects(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  close(fd);
  errno = error;
  return connected;
}

bool calls(long number) {
  const pid_t before = getpid();
  const long answer = syscall(number, 0L, 0L, 0L, 0L, 0L, 0L);
  if (getpid() != before) _exit(0);  // It was let to make a process: that one ends here.
  return answer >= 0;
}

bool reads_memory_of(pid_t process) {
  std::array<char, 8> word{};
  const iovec local{word.data(), word.size()};
  const iovec remote{&ours, word.size()};  // Wherever: whether one may ask is asked first.
  return process_vm_readv(process, &local, 1, &remote, 1, 0) >= 0;
}

bool becomes_another_program() {
  std::array<char*, 2> words{const_cast<char*>("/bin/true"), nullptr};
  return execv(words[0], words.data()) == 0;
}

/// What no module has to do; the log says how it went.
void try_it(const Fault& fault) {
  errno = 0;
  const bool done = fault.what == "call"      ? calls(static_cast<long>(fault.value))
                    : fault.what == "connect" ? connects(static_cast<std::uint16_t>(fault.value))
                    : fault.what == "exec"    ? becomes_another_program()
                    : fault.what == "read"
                        ? reads_memory_of(static_cast<pid_t>(fault.value))
                        : socket(static_cast<int>(fault.value), SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
  const int error = done ? 0 : errno;
  log_line(fault.what + " " + std::to_string(fault.value) + " " + std::to_string(error));
}

/// Calls the real function as the script lets it; `spoil` changes its answer.
template <typename Call, typename Spoil>
CK_RV scripted(const char* function, Call call, Spoil spoil) {
  log_line(function);
  const Fault fault = fault_of(function);
  if (fault.what == "return") return fault.value;
  if (fault.what == "crash") std::raise(SIGSEGV);
  if (fault.what == "hang") hang(function);
  if (tries(fault.what)) try_it(fault);
  if (fault.what == "delay") std::this_thread::sleep_for(std::chrono::milliseconds(fault.value));
  const CK_RV rv = call();
  if (fault.what == "crashafter") std::raise(SIGSEGV);
  if (fault.what == "after") return fault.value;
  if (rv == CKR_OK) spoil(fault);
  return rv;
}

template <typename Call>
CK_RV scripted(const char* function, Call call) {
  return scripted(function, call, [](const Fault&) {});
}

#define MINTMARK_PASS(name, parameters, arguments)                \
  CK_RV name parameters {                                         \
    return scripted(#name, [&] { return real->name arguments; }); \
  }

MINTMARK_PASS(C_Initialize, (void* settings), (settings))
MINTMARK_PASS(C_Finalize, (void* reserved), (reserved))
MINTMARK_PASS(C_GetInfo, (CK_INFO * info), (info))
MINTMARK_PASS(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO* info), (slot, info))
MINTMARK_PASS(C_InitToken,
              (CK_SLOT_ID slot, unsigned char* pin, unsigned long length, unsigned char* label),
              (slot, pin, length, label))
MINTMARK_PASS(C_InitPIN, (CK_SESSION_HANDLE session, unsigned char* pin, unsigned long length),
              (session, pin, length))
MINTMARK_PASS(C_SetPIN,
              (CK_SESSION_HANDLE session, unsigned char* old_pin, unsigned long old_length,
               unsigned char* new_pin, unsigned long new_length),
              (session, old_pin, old_length, new_pin, new_length))
MINTMARK_PASS(C_CreateObject,
              (CK_SESSION_HANDLE session, CK_ATTRIBUTE* attributes, unsigned long count,
               CK_OBJECT_HANDLE* object),
              (session, attributes, count, object))
MINTMARK_PASS(C_GetSlotList, (unsigned char present, CK_SLOT_ID* slots, unsigned long* count),
              (present, slots, count))
MINTMARK_PASS(C_GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO* info), (slot, info))
MINTMARK_PASS(C_OpenSession,
              (CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
               CK_SESSION_HANDLE* session),
              (slot, flags, application, notify, session))
MINTMARK_PASS(C_CloseSession, (CK_SESSION_HANDLE session), (session))
MINTMARK_PASS(C_Login,
              (CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char* pin,
               unsigned long length),
              (session, user, pin, length))
MINTMARK_PASS(C_Logout, (CK_SESSION_HANDLE session), (session))
MINTMARK_PASS(C_GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO* info), (session, info))
MINTMARK_PASS(C_FindObjectsInit,
              (CK_SESSION_HANDLE session, CK_ATTRIBUTE* wanted, unsigned long count),
              (session, wanted, count))
MINTMARK_PASS(C_FindObjects,
              (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, unsigned long most,
               unsigned long* count),
              (session, objects, most, count))
MINTMARK_PASS(C_FindObjectsFinal, (CK_SESSION_HANDLE session), (session))
MINTMARK_PASS(C_GenerateKeyPair,
              (CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* public_template,
               unsigned long public_count, CK_ATTRIBUTE* private_template,
               unsigned long private_count, CK_OBJECT_HANDLE* public_key,
               CK_OBJECT_HANDLE* private_key),
              (session, mechanism, public_template, public_count, private_template, private_count,
               public_key, private_key))
MINTMARK_PASS(C_SignInit,
              (CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key),
              (session, mechanism, key))
#undef MINTMARK_PASS

/// The log says of which kind it is: "destroys a copy", "destroys a token object".
CK_RV C_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  unsigned char in_the_token = 0;
  CK_ATTRIBUTE asked{CKA_TOKEN, &in_the_token, sizeof in_the_token};
  if (real->C_GetAttributeValue(session, object, &asked, 1) == CKR_OK)
    log_line(in_the_token != 0 ? "destroys a token object" : "destroys a copy");
  return scripted("C_DestroyObject", [&] { return real->C_DestroyObject(session, object); });
}

CK_RV C_CopyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* wanted,
                   unsigned long count, CK_OBJECT_HANDLE* copy) {
  return scripted(
      "C_CopyObject", [&] { return real->C_CopyObject(session, object, wanted, count, copy); },
      [&](const Fault& fault) {
        const std::lock_guard lock(mutex);
        if (fault.what == "loose") loose_copies.insert(*copy);
      });
}

void spoil_values(const Fault& fault, CK_ATTRIBUTE* attributes, unsigned long count) {
  for (unsigned long i = 0; i < count; ++i) {
    CK_ATTRIBUTE& one = attributes[i];
    if (fault.what == "length") one.ulValueLen = fault.value;
    if (fault.what == "garble" && one.pValue != nullptr && one.ulValueLen > 0)
      *static_cast<unsigned char*>(one.pValue) ^= 1U;
  }
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE* attributes, unsigned long count) {
  return scripted(
      "C_GetAttributeValue",
      [&] { return real->C_GetAttributeValue(session, object, attributes, count); },
      [&](const Fault& fault) {
        spoil_values(fault, attributes, count);
        const std::lock_guard lock(mutex);
        if (loose_copies.count(object) == 0) return;
        for (unsigned long i = 0; i < count; ++i) {
          if (attributes[i].type == CKA_EXTRACTABLE)
            *static_cast<unsigned char*>(attributes[i].pValue) = 1;
        }
      });
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) {
  {
    const std::lock_guard lock(mutex);
    read_script();
    if (hidden_mechanisms.count(type) != 0) return CKR_MECHANISM_INVALID;
  }
  return scripted("C_GetMechanismInfo", [&] { return real->C_GetMechanismInfo(slot, type, info); });
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, unsigned long* count) {
  std::vector<CK_MECHANISM_TYPE> all(1024);
  unsigned long found = all.size();
  const CK_RV rv = scripted("C_GetMechanismList",
                            [&] { return real->C_GetMechanismList(slot, all.data(), &found); });
  if (rv != CKR_OK) return rv;
  all.resize(found);
  const std::lock_guard lock(mutex);
  all.erase(std::remove_if(all.begin(), all.end(),
                           [](auto type) { return hidden_mechanisms.count(type) != 0; }),
            all.end());
  if (list != nullptr && *count < all.size()) return CKR_BUFFER_TOO_SMALL;
  if (list != nullptr) std::copy(all.begin(), all.end(), list);
  *count = all.size();
  return CKR_OK;
}

/// P-256, whatever the real key is: right in form, wrong in substance.
void sign_by_another_key(unsigned char* data, unsigned long data_length, unsigned char* signature) {
  EC_KEY* key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  EC_KEY_generate_key(key);
  ECDSA_SIG* made = ECDSA_do_sign(data, static_cast<int>(data_length), key);
  BN_bn2binpad(ECDSA_SIG_get0_r(made), signature, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(made), signature + 32, 32);
  ECDSA_SIG_free(made);
  EC_KEY_free(key);
}

CK_RV C_Sign(CK_SESSION_HANDLE session, unsigned char* data, unsigned long data_length,
             unsigned char* signature, unsigned long* signature_length) {
  return scripted(
      "C_Sign",
      [&] { return real->C_Sign(session, data, data_length, signature, signature_length); },
      [&](const Fault& fault) {
        if (fault.what == "length") *signature_length = fault.value;
        if (fault.what == "wrongkey") sign_by_another_key(data, data_length, signature);
        if (fault.what == "garble" && signature != nullptr) signature[0] ^= 1U;
      });
}

bool load_real() {
  void* library = dlopen(setting("MINTMARK_SHIM_MODULE"), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return false;
  using Entry = CK_RV (*)(CK_FUNCTION_LIST**);
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "C_GetFunctionList"));
  if (entry == nullptr || entry(&real) != CKR_OK) return false;
  ours = *real;
#define MINTMARK_OURS(name) ours.name = name
  MINTMARK_OURS(C_Initialize);
  MINTMARK_OURS(C_Finalize);
  MINTMARK_OURS(C_GetInfo);
  MINTMARK_OURS(C_GetSlotInfo);
  MINTMARK_OURS(C_InitToken);
  MINTMARK_OURS(C_InitPIN);
  MINTMARK_OURS(C_SetPIN);
  MINTMARK_OURS(C_CreateObject);
  MINTMARK_OURS(C_GetSlotList);
  MINTMARK_OURS(C_GetTokenInfo);
  MINTMARK_OURS(C_OpenSession);
  MINTMARK_OURS(C_CloseSession);
  MINTMARK_OURS(C_Login);
  MINTMARK_OURS(C_Logout);
  MINTMARK_OURS(C_GetSessionInfo);
  MINTMARK_OURS(C_CopyObject);
  MINTMARK_OURS(C_GetMechanismInfo);
  MINTMARK_OURS(C_GetMechanismList);
  MINTMARK_OURS(C_FindObjectsInit);
  MINTMARK_OURS(C_FindObjects);
  MINTMARK_OURS(C_FindObjectsFinal);
  MINTMARK_OURS(C_GetAttributeValue);
  MINTMARK_OURS(C_DestroyObject);
  MINTMARK_OURS(C_GenerateKeyPair);
  MINTMARK_OURS(C_SignInit);
  MINTMARK_OURS(C_Sign);
#undef MINTMARK_OURS
  return true;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  const std::lock_guard lock(mutex);
  if (real == nullptr && !load_real()) return CKR_GENERAL_ERROR;
  *list = &ours;
  return CKR_OK;
}
