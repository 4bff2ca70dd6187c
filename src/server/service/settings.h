// What administrators set, put together.
#pragma once

#include "server/service/app_settings.h"
#include "server/service/enrollment_settings.h"
#include "server/service/user_settings.h"
#include "server/service/webhooks.h"

namespace reachback::server {

struct Settings {
  TenantId tenant;  // whose they are
  AppSettings apps;
  UserSettings users;
  EnrollmentSettings tokens;
  std::shared_ptr<Webhooks> webhooks;
};

}  // namespace reachback::server
