#include "base/process_privacy.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace elves {

void keep_out_of_dumps() {
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace elves
