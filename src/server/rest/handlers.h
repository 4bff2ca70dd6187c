// The handlers of the route table, one file per group.
#pragma once

#include "server/rest/routes.h"

namespace reachback::server::rest {

// token_handler.cc
void post_token_v1(Core& core, const CallPtr& call);
void post_token_v2(Core& core, const CallPtr& call);
void post_revoke(Core& core, const CallPtr& call);
// authorize_handlers.cc
void authorize_v1(Core& core, const CallPtr& call);
void authorize_v2(Core& core, const CallPtr& call);
// device_handlers.cc
void post_device_code_v1(Core& core, const CallPtr& call);
void post_device_code_v2(Core& core, const CallPtr& call);
void get_device_login(Core& core, const CallPtr& call);
void post_device_login(Core& core, const CallPtr& call);
// discovery_handlers.cc
void get_configuration_v1(Core& core, const CallPtr& call);
void get_configuration_v2(Core& core, const CallPtr& call);
void get_keys(Core& core, const CallPtr& call);
void get_instance(Core& core, const CallPtr& call);
// machine_handlers.cc
void get_machines(Core& core, const CallPtr& call);
void get_machines_count(Core& core, const CallPtr& call);
void get_machine(Core& core, const CallPtr& call);
void find_machines_by_ip(Core& core, const CallPtr& call);
void find_machines_by_tag(Core& core, const CallPtr& call);
void get_machine_groups(Core& core, const CallPtr& call);
void get_alerts(Core& core, const CallPtr& call);
// machine_change_handlers.cc
void post_tag(Core& core, const CallPtr& call);
void post_tag_of_machines(Core& core, const CallPtr& call);
void post_device_value(Core& core, const CallPtr& call);
void patch_machine(Core& core, const CallPtr& call);
// unserved_handlers.cc
void post_unserved_action(Core& core, const CallPtr& call);
void get_package_uri(Core& core, const CallPtr& call);
// run_handler.cc
void post_run_live_response(Core& core, const CallPtr& call);
// action_handlers.cc
void get_actions(Core& core, const CallPtr& call);
void get_machine_actions(Core& core, const CallPtr& call);
void get_actions_count(Core& core, const CallPtr& call);
void get_action(Core& core, const CallPtr& call);
void post_cancel(Core& core, const CallPtr& call);
void get_result_link(Core& core, const CallPtr& call);
void get_receipts(Core& core, const CallPtr& call);
void get_action_events(Core& core, const CallPtr& call);
// library_handlers.cc
void get_library(Core& core, const CallPtr& call);
void get_library_count(Core& core, const CallPtr& call);
void post_library(Core& core, const CallPtr& call);
void delete_library_file(Core& core, const CallPtr& call);

// The extension API for people (docs/people-api.md).
// people_handlers.cc
void get_me(Core& core, const CallPtr& call);
void get_machine_state(Core& core, const CallPtr& call);
void get_online_machines(Core& core, const CallPtr& call);
// activity_handlers.cc
void get_audit(Core& core, const CallPtr& call);
// app_settings_handlers.cc
void get_applications(Core& core, const CallPtr& call);
void post_application(Core& core, const CallPtr& call);
void delete_application(Core& core, const CallPtr& call);
void post_application_rotate(Core& core, const CallPtr& call);
void get_enrollment_tokens(Core& core, const CallPtr& call);
void post_enrollment_token(Core& core, const CallPtr& call);
void delete_enrollment_token(Core& core, const CallPtr& call);
// user_settings_handlers.cc
void get_users(Core& core, const CallPtr& call);
void post_user(Core& core, const CallPtr& call);
void patch_user(Core& core, const CallPtr& call);
void delete_user(Core& core, const CallPtr& call);
void post_user_password(Core& core, const CallPtr& call);
void post_user_totp(Core& core, const CallPtr& call);
void post_user_end_tokens(Core& core, const CallPtr& call);
void get_device_groups(Core& core, const CallPtr& call);
void post_device_group(Core& core, const CallPtr& call);
void delete_device_group(Core& core, const CallPtr& call);
// webhook_handlers.cc
void get_webhooks(Core& core, const CallPtr& call);
void get_webhook_deliveries(Core& core, const CallPtr& call);
void post_webhook_test(Core& core, const CallPtr& call);
// interactive_handlers.cc
void get_interactive_table(Core& core, const CallPtr& call);
void post_session(Core& core, const CallPtr& call);
void get_sessions(Core& core, const CallPtr& call);
void get_session(Core& core, const CallPtr& call);
void post_session_close(Core& core, const CallPtr& call);
void post_terminal_input(Core& core, const CallPtr& call);
void get_session_commands(Core& core, const CallPtr& call);
void post_session_command(Core& core, const CallPtr& call);

// about_handlers.cc
void get_metadata(Core& core, const CallPtr& call);
void get_openapi(Core& core, const CallPtr& call);

}  // namespace reachback::server::rest
