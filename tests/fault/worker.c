// The app of the fault runs. Run as: work APP TOKEN BASE64, where the param is "TOKEN MILLISECONDS ok|fail".
// Notes each execution as one line in executions.txt of the app's folder before it does anything else.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int digit(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char* at = c ? strchr(digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

static void decode(const char* text, char* out, size_t room) {
  unsigned bits = 0;
  int count = 0;
  size_t length = 0;
  for (; digit(*text) >= 0 && length + 1 < room; ++text) {
    bits = bits << 6 | (unsigned)digit(*text);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out[length++] = (char)(bits >> count);
  }
  out[length] = 0;
}

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  char param[256], token[64] = "", result[16] = "ok", line[256];
  long milliseconds = 0;
  decode(argv[3], param, sizeof param);
  if (sscanf(param, "%63s %ld %15s", token, &milliseconds, result) != 3 || strcmp(token, argv[2])) return 65;

  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const int file = open("executions.txt", O_WRONLY | O_APPEND | O_CREAT, 0644);
  const int size = snprintf(line, sizeof line, "%s %d %ld.%06ld\n", token, (int)getpid(), (long)now.tv_sec,
                            now.tv_nsec / 1000);
  if (file < 0 || write(file, line, (size_t)size) != size) return 74;

  const struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&pause, NULL);
  printf("<ElvesWFlag>%s</ElvesWFlag><ElvesWResult>%s</ElvesWResult>\n",
         strcmp(result, "ok") ? "false" : "true", token);
  return 0;
}
