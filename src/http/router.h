// Path and method to handler; 404, and 405 with Allow (RFC 9110 §15.5.6), for the rest.
#pragma once

#include <map>
#include <string>

#include "http/message.h"

namespace mintmark::http {

class Router {
 public:
  /// `path` is exact, or a prefix if it ends with "/*"; the exact one goes first, then the longest
  /// prefix. GET serves HEAD too (the server leaves the body out). OPTIONS of a path, or of "*"
  /// (the server itself), is 204 with Allow (RFC 9110 §9.3.7). All are set before the first
  /// request: calls are const and thread-safe.
  void on(std::string method, std::string path, Handler handler);
  void operator()(Request request, Respond respond) const;

 private:
  [[nodiscard]] const std::map<std::string, Handler>* methods_at(const std::string& path) const;

  std::map<std::string, std::map<std::string, Handler>> exact_;
  std::map<std::string, std::map<std::string, Handler>> prefixes_;
};

}  // namespace mintmark::http
