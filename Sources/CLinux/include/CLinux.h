// The C that the Swift module `Kernel` imports. Only two things belong here:
//   1. headers of the kernel and of libraries that Swift has no module for;
//   2. wrappers of macros, inline functions, variadic calls and ioctls that Swift cannot import.
// No logic. Our own names have the prefix clinux_.
#ifndef CLINUX_H
#define CLINUX_H

// _GNU_SOURCE is not defined, because Swift's Glibc module is built without it and the two must agree on types.
// shim.c wraps what needs it.

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/filter.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <malloc.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/xsk.h>
#include <zlib.h>
#include <zstd.h>

#include "../../../bpf/synbox.h"

// ---- embedded files (embedded.c) ----

/// The BPF objects: first byte and length. Functions, because Swift does not import arrays of unknown size.
const void *clinux_receive_start(void);
extern const size_t clinux_receive_object_size;
const void *clinux_probes_start(void);
extern const size_t clinux_probes_object_size;
const void *clinux_responder_start(void);
extern const size_t clinux_responder_object_size;
/// NUL-terminated: the git revision; what the binary is made from, one component per line (packaging/components).
const char *clinux_revision_text(void);
const char *clinux_components_text(void);

/// The NIC profiles of netconfig/ (profiles.c): the driver's name and the TOML text, NUL-terminated.
struct clinux_profile {
  const char *driver;
  const char *text;
};
/// Returns the profile with this number, from 0; NULL past the last.
const struct clinux_profile *clinux_profile(size_t number);

// ---- macros and inline functions ----

int clinux_errno(void);
/// strerrorname_np, strerrordesc_np, pthread_setname_np: declared for _GNU_SOURCE only.
const char *clinux_error_name(int number);
const char *clinux_error_text(int number);
void clinux_name_thread(const char *name);
int clinux_open(const char *path, int flags, unsigned mode);
int clinux_fcntl(int fd, int command, int argument);
/// renameat2(RENAME_EXCHANGE): declared for _GNU_SOURCE only. 0 or -1 with errno.
int clinux_exchange(const char *one, const char *other);
/// openat2(2) of a path beneath an open directory, on its file system, without symbolic links: the C library has no
/// function. A descriptor, or -1 with errno.
int clinux_open_beneath(int directory, const char *path, int flags, unsigned mode);
/// renameat2(RENAME_NOREPLACE) from one open directory to another. 0 or -1 with errno.
int clinux_move_new(int from, const char *name, int to, const char *new_name);
/// fallocate(FALLOC_FL_KEEP_SIZE) from the file's start: declared for _GNU_SOURCE only. 0 or -1 with errno.
int clinux_reserve(int fd, long length);
int clinux_prctl(int option, unsigned long two, unsigned long three);
/// The name of an interface's driver, by SIOCETHTOOL and ETHTOOL_GDRVINFO. 0, or -1 with errno.
int clinux_driver_name(int socket, const char *interface, char name[32]);
/// Redirects libbpf's output for calls of this thread into `buffer`, until called with NULL.
void clinux_libbpf_capture(char *buffer, size_t size);
/// bind(2) to an interface, and sendto(2) without address or data. Swift does not import glibc's transparent unions
/// of socket addresses. 0, or -1 with errno.
int clinux_bind_packet(int socket, int interface, unsigned short protocol);
int clinux_wake_transmit(int socket);
/// bind(2) to an IPv4 address and port, both in host byte order, and to a path; 0, or -1 with errno.
int clinux_bind_tcp(int socket, unsigned address, unsigned short port);
int clinux_bind_unix(int socket, const char *path);
/// Receives one packet from an AF_PACKET socket with PACKET_AUXDATA, without waiting. Returns its length on the wire,
/// or -1 with errno. `status` becomes TP_STATUS_* bits, 0 if the kernel gave none; `type` becomes PACKET_HOST or
/// another packet type. (Swift does not import the macros that walk control messages.)
long clinux_receive_packet(int socket, void *buffer, size_t size, unsigned *status, unsigned char *type);
/// Attaches a loaded XDP program by a link that ends when its descriptor is closed. Returns the link's descriptor, or
/// a negative errno. (The options are a designated-initialiser macro.)
int clinux_xdp_link(int program, int interface, unsigned flags);
/// The mode of XDP on an interface: XDP_ATTACHED_*, or a negative errno.
int clinux_xdp_mode(int interface);
/// BPF_PROG_TEST_RUN; 0 or a negative errno. (The options are a designated-initialiser macro.) `out_size` is the size
/// of `out` before the call and the packet's length after it.
int clinux_program_run(int program, const void *in, unsigned in_size, void *out, unsigned *out_size,
                       unsigned repeat, unsigned *verdict, unsigned *nanoseconds);
/// The same with live frames: the kernel makes `repeat` copies of `in`, runs the program on each and carries out its
/// verdict. 0 or a negative errno.
int clinux_program_run_live(int program, const void *in, unsigned in_size, unsigned repeat);
/// xsk_ring_*: static inline in xdp/xsk.h.
unsigned clinux_xsk_tx_reserve(struct xsk_ring_prod *ring, unsigned count, unsigned *index);
void clinux_xsk_tx_submit(struct xsk_ring_prod *ring, unsigned count);
/// Puts `count` frames of `size` bytes, starting at byte `start` of the UMEM, into the fill ring. Returns `count`, or
/// 0 if there is no room for all.
unsigned clinux_xsk_fill(struct xsk_ring_prod *ring, unsigned count, unsigned long long start, unsigned size);
void clinux_xsk_tx_set(struct xsk_ring_prod *ring, unsigned index, unsigned long long address,
                       unsigned length);
/// The descriptors that the kernel has not taken yet (copy mode).
unsigned clinux_xsk_tx_unsent(const struct xsk_ring_prod *ring);
/// Makes one of them invalid, counted from the last, and returns its address; all bits are set if it was invalid before.
unsigned long long clinux_xsk_tx_withdraw(struct xsk_ring_prod *ring, unsigned number);
/// Sets how many frames a wake-up may send in copy mode (XDP_MAX_TX_SKB_BUDGET, since Linux 6.17, which older headers do
/// not have); 0 or an errno. At least 32, the standard, and at most the ring's size.
int clinux_xsk_set_budget(int socket, int frames);
int clinux_xsk_needs_wakeup(const struct xsk_ring_prod *ring);
unsigned clinux_xsk_completion_peek(struct xsk_ring_cons *ring, unsigned count, unsigned *index);
unsigned long long clinux_xsk_completion_address(const struct xsk_ring_cons *ring, unsigned index);
void clinux_xsk_completion_release(struct xsk_ring_cons *ring, unsigned count);
/// The processor this thread runs on: declared for _GNU_SOURCE only.
int clinux_current_processor(void);
/// CPU_ZERO, CPU_SET, pthread_setaffinity_np of the calling thread; 0 or an errno.
int clinux_pin_thread(const int *processors, int count);
/// setresgid, setresuid, setns(CLONE_NEWNET), unshare(CLONE_NEWNET), O_PATH: declared for _GNU_SOURCE only.
int clinux_setresgid(unsigned gid);
int clinux_setresuid(unsigned uid);
int clinux_enter_network_namespace(int descriptor);
int clinux_new_network_namespace(void);
extern const int clinux_o_path;
/// AT_EMPTY_PATH: declared for _GNU_SOURCE only.
extern const int clinux_at_empty_path;
/// F_SETLEASE: declared for _GNU_SOURCE only.
extern const int clinux_set_lease;
/// Lists the processors that this process may use (sched_getaffinity, CPU_ISSET). Returns their number, or -1.
int clinux_usable_processors(int *list, int size);
/// signal(SIGPIPE, SIG_IGN): the constant is a cast.
void clinux_ignore_sigpipe(void);
/// signal(SIGIO, SIG_IGN): a lease on a file may raise it.
void clinux_ignore_sigio(void);
/// inflateInit2 for gzip files: a macro.
int clinux_inflate_begin(z_stream *stream);
/// deflateInit2 for gzip files.
int clinux_deflate_begin(z_stream *stream, int level);
/// Acquire load and release store of words that the kernel writes, too: positions in a BPF ring buffer, and the state
/// of a slot in an AF_PACKET ring.
unsigned long clinux_load_acquire_long(const unsigned long *from);
void clinux_store_release_long(unsigned long *to, unsigned long value);
unsigned clinux_load_acquire_u32(const unsigned *from);
void clinux_store_release_u32(unsigned *to, unsigned value);

// ---- a process that runs the machine (machine.c) ----

/// Each returns 0, or -1 with errno. libc has no wrapper of finit_module(2); the others are ioctls.
int clinux_load_module(int file, const char *parameters);
/// CLOCK_BOOTTIME in nanoseconds when `synbox init` started as PID 1; 0 in any other process.
unsigned long long clinux_init_start(void);
int clinux_watchdog_set_timeout(int watchdog, int *seconds);
int clinux_watchdog_keep_alive(int watchdog);
int clinux_watchdog_name(int watchdog, char name[32]);
int clinux_device_size(int device, unsigned long long *bytes);
int clinux_sector_size(int device, int *bytes);
int clinux_reread_partition_table(int device);
/// `start` and `length` in bytes.
int clinux_resize_partition(int disk, int number, long long start, long long length);
int clinux_resize_ext4(int file, unsigned long long blocks);
/// syncfs, pipe2, POSIX_SPAWN_SETSID: declared for _GNU_SOURCE only.
int clinux_sync_filesystem(int file);
int clinux_pipe(int ends[2], int flags);
extern const short clinux_spawn_new_session;

// ---- confinement (confinement.c) ----

#include <grp.h>
#include <linux/landlock.h>
#include <seccomp.h>

/// The Landlock calls (landlock(7)), which have no wrapper in libc; -1 with errno.
int clinux_landlock_abi(void);
int clinux_landlock_create(unsigned long long filesystem, unsigned long long network,
                           unsigned long long scopes);
int clinux_landlock_allow_beneath(int ruleset, unsigned long long access, int path);
int clinux_landlock_allow_port(int ruleset, unsigned long long access, unsigned short port);
int clinux_landlock_restrict_self(int ruleset);
/// linux/securebits.h: uid 0 gives no capabilities and the ambient set stays empty; locked.
extern const unsigned clinux_securebits_sealed;
/// SCMP_ACT_ERRNO.
unsigned clinux_seccomp_errno(unsigned short number);

#endif
