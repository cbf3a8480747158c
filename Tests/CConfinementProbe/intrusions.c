// Calls that an intruder would make. Their arguments are such that the kernel refuses the call or does nothing, even
// without the filter.
#define _GNU_SOURCE
#include "CConfinementProbe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

static int tcp = -1, map = -1, file = -1;
static void *page;

int probe_prepare_intrusions(void) {
  tcp = probe_tcp_socket();
  map = probe_bpf_map_create();
  file = open("/dev/null", O_RDWR | O_CLOEXEC);
  page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return tcp < 0 || map < 0 || file < 0 || page == MAP_FAILED ? errno : 0;
}

struct intrusion {
  const char *name;
  long number;
  unsigned long arguments[6];
};

/// Calls by their numbers. Pointers are NULL.
static const struct intrusion plain[] = {
    {"execve", SYS_execve, {0}},
    {"execveat", SYS_execveat, {0}},
    {"ptrace", SYS_ptrace, {16, 1}},  // PTRACE_ATTACH to process 1
    {"process_vm_writev", SYS_process_vm_writev, {1}},
    {"process_vm_readv", SYS_process_vm_readv, {1}},
    {"pidfd_open", SYS_pidfd_open, {1}},
    {"kill process 1", SYS_kill, {1, 0}},
    {"tkill", SYS_tkill, {1, 0}},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {1, 0}},
    {"mount", SYS_mount, {0}},
    {"umount2", SYS_umount2, {0}},
    {"open_tree", SYS_open_tree, {0}},
    {"pivot_root", SYS_pivot_root, {0}},
    {"chroot", SYS_chroot, {0}},
    {"unshare", SYS_unshare, {0}},
    {"setns", SYS_setns, {(unsigned long)-1}},
    {"fork", SYS_clone, {SIGCHLD}},
    {"vfork", SYS_vfork, {0}},
    {"init_module", SYS_init_module, {0}},
    {"finit_module", SYS_finit_module, {(unsigned long)-1}},
    {"kexec_load", SYS_kexec_load, {0}},
    {"reboot", SYS_reboot, {0}},
    {"swapon", SYS_swapon, {0}},
    {"settimeofday", SYS_settimeofday, {0}},
    {"sethostname", SYS_sethostname, {0}},
    {"setuid", SYS_setuid, {0}},
    {"setresuid", SYS_setresuid, {0}},
    {"setgroups", SYS_setgroups, {0}},
    {"capset", SYS_capset, {0}},
    {"setrlimit", SYS_setrlimit, {0}},
    {"prlimit64", SYS_prlimit64, {0}},
    {"keyctl", SYS_keyctl, {0}},
    {"perf_event_open", SYS_perf_event_open, {0}},
    {"personality", SYS_personality, {0xffffffff}},
    {"seccomp", SYS_seccomp, {0}},
    {"io_uring_setup", SYS_io_uring_setup, {0}},
    {"userfaultfd", SYS_userfaultfd, {0}},
    {"memfd_create", SYS_memfd_create, {0}},
    {"bind", SYS_bind, {(unsigned long)-1}},
    {"listen", SYS_listen, {(unsigned long)-1}},
    {"accept", SYS_accept, {(unsigned long)-1}},
    {"setsockopt", SYS_setsockopt, {(unsigned long)-1}},
    {"chmod", SYS_chmod, {0}},
    {"fchownat", SYS_fchownat, {(unsigned long)-1}},
    {"link", SYS_link, {0}},
    {"symlink", SYS_symlink, {0}},
    {"mknod", SYS_mknod, {0}},
    {"chdir", SYS_chdir, {0}},
    {"dup2", SYS_dup2, {(unsigned long)-1}},
    {"mremap", SYS_mremap, {0}},
    {"munlockall", SYS_munlockall, {0}},
    {"pkey_mprotect", SYS_pkey_mprotect, {0}},
    {"sendmmsg", SYS_sendmmsg, {(unsigned long)-1}},
    {"rename with flags", SYS_renameat2, {(unsigned long)-1, 0, (unsigned long)-1, 0, 1}},
    {"punch a hole", SYS_fallocate, {(unsigned long)-1, 3}},
    {"prctl PR_SET_DUMPABLE", SYS_prctl, {PR_SET_DUMPABLE, 0}},
    {"prctl PR_SET_MM", SYS_prctl, {PR_SET_MM, 0}},
    {"ioctl TIOCSTI", SYS_ioctl, {(unsigned long)-1, TIOCSTI}},
    {"ioctl TCGETS", SYS_ioctl, {(unsigned long)-1, TCGETS}},
    {"fcntl F_SETFL", SYS_fcntl, {(unsigned long)-1, F_SETFL}},
    {"fcntl F_SETOWN", SYS_fcntl, {(unsigned long)-1, F_SETOWN}},
    {"a message on another socket", SYS_sendmsg, {(unsigned long)-1}},
    {"send to an address", SYS_sendto, {(unsigned long)-1, 0, 0, 0, 8, 8}},
    {"a handler for SIGSEGV", SYS_rt_sigaction, {SIGSEGV}},
    {"futex FUTEX_CMP_REQUEUE_PI", SYS_futex, {0, 12}},
    {"madvise MADV_FREE", SYS_madvise, {0, 0, 8}},
    {"connect", SYS_connect, {(unsigned long)-1}},
    {"socketpair", SYS_socketpair, {(unsigned long)-1}},
    {"name_to_handle_at", SYS_name_to_handle_at, {(unsigned long)-1}},
    {"open_by_handle_at", SYS_open_by_handle_at, {(unsigned long)-1}},
    {"pidfd_getfd", SYS_pidfd_getfd, {(unsigned long)-1}},
    {"process_madvise", SYS_process_madvise, {(unsigned long)-1}},
    {"kcmp", SYS_kcmp, {1, 1}},
    {"fsopen", SYS_fsopen, {0}},
    {"move_mount", SYS_move_mount, {(unsigned long)-1}},
    {"mount_setattr", SYS_mount_setattr, {(unsigned long)-1}},
    {"linkat", SYS_linkat, {(unsigned long)-1}},
    {"symlinkat", SYS_symlinkat, {0, (unsigned long)-1}},
    {"mknodat", SYS_mknodat, {(unsigned long)-1}},
    {"mkdirat", SYS_mkdirat, {(unsigned long)-1}},
    {"truncate", SYS_truncate, {0}},
    {"setxattr", SYS_setxattr, {0}},
    {"utimensat", SYS_utimensat, {(unsigned long)-1}},
    {"sendfile", SYS_sendfile, {(unsigned long)-1, (unsigned long)-1}},
    {"splice", SYS_splice, {(unsigned long)-1}},
    {"copy_file_range", SYS_copy_file_range, {(unsigned long)-1}},
    {"add_key", SYS_add_key, {0}},
    {"syslog", SYS_syslog, {9}},
    {"acct", SYS_acct, {0}},
    {"iopl", SYS_iopl, {0}},
};

enum { plain_count = sizeof plain / sizeof *plain };

/// Calls on objects that were opened before the drop.
static const char *const prepared[] = {
    "TCP connect", "BPF_PROG_LOAD", "BPF_MAP_UPDATE_ELEM", "BPF_MAP_CREATE", "map executable memory",
    "make memory executable", "map a file",
};

enum { prepared_count = sizeof prepared / sizeof *prepared };

const char *probe_intrusion_name(int number) {
  if (number < plain_count) return plain[number].name;
  return number < plain_count + prepared_count ? prepared[number - plain_count] : NULL;
}

static int outcome(long value) { return value == -1 ? errno : 0; }

static int on_prepared(const char *name) {
  if (strcmp(name, "TCP connect") == 0) return probe_connect(tcp);
  if (strcmp(name, "BPF_PROG_LOAD") == 0) return outcome(probe_bpf_program_load() < 0 ? -1 : 0);
  if (strcmp(name, "BPF_MAP_UPDATE_ELEM") == 0) return probe_bpf_map_set(map, 1);
  if (strcmp(name, "BPF_MAP_CREATE") == 0) return outcome(probe_bpf_map_create() < 0 ? -1 : 0);
  if (strcmp(name, "make memory executable") == 0) return outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
  int executable = strcmp(name, "map executable memory") == 0;
  if (!executable && strcmp(name, "map a file") != 0) return ENOSYS;
  void *mapped = executable
                     ? mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                     : mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
  return mapped == MAP_FAILED ? errno : 0;
}

int probe_intrusion(const char *name) {
  for (int i = 0; i < plain_count; i++) {
    const unsigned long *a = plain[i].arguments;
    if (strcmp(plain[i].name, name) != 0) continue;
    return outcome(syscall(plain[i].number, a[0], a[1], a[2], a[3], a[4], a[5]));
  }
  return on_prepared(name);
}
