#include "http/router.h"

#include <set>
#include <string_view>

namespace mintmark::http {
namespace {

using Methods = std::map<std::string, Handler>;

/// "GET, HEAD, OPTIONS", for Allow.
std::string allowed(const Methods& methods) {
  std::set<std::string_view> names{"OPTIONS"};
  for (const auto& [name, handler] : methods) {
    names.insert(name);
    if (name == "GET") names.insert("HEAD");
  }
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

Response options(const std::string& allow) {
  Response response;
  response.status = 204;
  response.headers.add("Allow", allow);
  return response;
}

const Handler* handler_for(const Methods& methods, const std::string& method) {
  if (const auto own = methods.find(method); own != methods.end()) return &own->second;
  if (method != "HEAD") return nullptr;
  const auto get = methods.find("GET");
  return get == methods.end() ? nullptr : &get->second;
}

}  // namespace

void Router::on(std::string method, std::string path, Handler handler) {
  if (path.ends_with("/*")) {
    path.pop_back();
    prefixes_[std::move(path)][std::move(method)] = std::move(handler);
    return;
  }
  exact_[std::move(path)][std::move(method)] = std::move(handler);
}

const std::map<std::string, Handler>* Router::methods_at(const std::string& path) const {
  if (const auto exact = exact_.find(path); exact != exact_.end()) return &exact->second;
  const Methods* longest = nullptr;
  std::size_t length = 0;
  for (const auto& [prefix, methods] : prefixes_) {
    if (prefix.size() < length || !path.starts_with(prefix)) continue;
    longest = &methods;
    length = prefix.size();
  }
  return longest;
}

void Router::operator()(Request request, Respond respond) const {
  if (request.path == "*" && request.method == "OPTIONS")
    return respond(options("GET, HEAD, OPTIONS, POST"));
  const Methods* methods = methods_at(request.path);
  if (methods == nullptr) {
    return respond(error_response({Code::http_path_unknown, "nothing is served at this path", 0}));
  }
  const Handler* handler = handler_for(*methods, request.method);
  if (handler != nullptr) return (*handler)(std::move(request), std::move(respond));
  const std::string names = allowed(*methods);
  if (request.method == "OPTIONS") return respond(options(names));
  Response refusal = error_response({Code::http_method_not_allowed, "this path takes " + names, 0});
  refusal.headers.add("Allow", names);
  respond(std::move(refusal));
}

}  // namespace mintmark::http
