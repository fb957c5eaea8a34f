// Word to the service manager that started this process (systemd's sd_notify, Type=notify), so that a start
// is over when the program serves and not when it has begun. Without one (NOTIFY_SOCKET is not set) nothing
// is said.
#pragma once

#include <string_view>

namespace elves {

// `state`: "READY=1", "STOPPING=1". Never waits, never fails: a manager that does not listen is its own
// trouble.
void tell_service_manager(std::string_view state);

}  // namespace elves
