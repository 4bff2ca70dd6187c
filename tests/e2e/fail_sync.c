// LD_PRELOAD: fsync and fdatasync of files whose path holds the text of the file named by
// FAIL_SYNC_FILE fail with EIO, as long as that file is there. See test_disk.py.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int fd) {
  const char *control = getenv("FAIL_SYNC_FILE");
  char wanted[512] = "", link[64], path[4096];
  int file = control ? open(control, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) {
    return 0;
  }
  ssize_t size = read(file, wanted, sizeof wanted - 1);
  close(file);
  if (size <= 0) {
    return 0;
  }
  wanted[size] = 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  size = readlink(link, path, sizeof path - 1);
  if (size < 0) {
    return 0;
  }
  path[size] = 0;
  return strstr(path, wanted) != NULL;
}

int fdatasync(int fd) {
  if (fails(fd)) {
    errno = EIO;
    return -1;
  }
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int fsync(int fd) {
  if (fails(fd)) {
    errno = EIO;
    return -1;
  }
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
