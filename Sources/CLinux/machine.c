// Calls for a process that runs the machine: block devices, the watchdog, kernel modules. See CLinux.h.
#include "CLinux.h"

#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/watchdog.h>
#include <sys/syscall.h>

int clinux_load_module(int file, const char *parameters) {
  return (int)syscall(SYS_finit_module, file, parameters, 0);
}

int clinux_watchdog_set_timeout(int watchdog, int *seconds) {
  return ioctl(watchdog, WDIOC_SETTIMEOUT, seconds);
}

int clinux_watchdog_keep_alive(int watchdog) { return ioctl(watchdog, WDIOC_KEEPALIVE, 0); }

int clinux_watchdog_name(int watchdog, char name[32]) {
  struct watchdog_info info = {0};
  if (ioctl(watchdog, WDIOC_GETSUPPORT, &info) != 0) return -1;
  memcpy(name, info.identity, 32);
  name[31] = 0;
  return 0;
}

int clinux_device_size(int device, unsigned long long *bytes) {
  return ioctl(device, BLKGETSIZE64, bytes);
}

int clinux_sector_size(int device, int *bytes) { return ioctl(device, BLKSSZGET, bytes); }

int clinux_reread_partition_table(int device) { return ioctl(device, BLKRRPART, 0); }

int clinux_resize_partition(int disk, int number, long long start, long long length) {
  struct blkpg_partition partition = {.start = start, .length = length, .pno = number};
  struct blkpg_ioctl_arg argument = {
      .op = BLKPG_RESIZE_PARTITION, .datalen = sizeof partition, .data = &partition};
  return ioctl(disk, BLKPG, &argument);
}

// EXT4_IOC_RESIZE_FS is in fs/ext4/ext4.h, but in no UAPI header.
int clinux_resize_ext4(int file, unsigned long long blocks) {
  return ioctl(file, _IOW('f', 16, unsigned long long), &blocks);
}

int clinux_sync_filesystem(int file) { return syncfs(file); }

int clinux_pipe(int ends[2], int flags) { return pipe2(ends, flags); }

const short clinux_spawn_new_session = POSIX_SPAWN_SETSID;

static unsigned long long init_start;

// Mounts /proc for PID 1. Runs before the Swift runtime's constructors, which have no priority, because the runtime
// opens /proc/self and ends the process without it. Errors are not handled here: `synbox init` finds them when it
// mounts the other file systems.
__attribute__((constructor(101))) static void mount_proc(int count, char **words) {
  if (getpid() != 1) return;
  struct timespec now = {0};
  clock_gettime(CLOCK_BOOTTIME, &now);
  init_start = (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec;
  // Not always the first argument: the kernel puts parameters that it does not know before those behind `--`.
  for (int word = 1; word < count; word++) {
    if (strcmp(words[word], "init") != 0) continue;
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return;
  }
}

unsigned long long clinux_init_start(void) { return init_start; }
