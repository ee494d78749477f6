// Path and method to handler; 404, and 405 with Allow (RFC 9110 §15.5.6), for the rest.
#pragma once

#include <map>
#include <string>

#include "http/message.h"

namespace mintmark::http {

class Router {
 public:
  /// `path` is exact, or a prefix if it ends with "/*". GET serves HEAD too.
  void on(std::string method, std::string path, Handler handler);
  void operator()(Request request, Respond respond) const;

 private:
  std::map<std::string, std::map<std::string, Handler>> exact_;
  std::map<std::string, std::map<std::string, Handler>> prefixes_;
};

}  // namespace mintmark::http
