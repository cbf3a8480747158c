// The functions that CLinux.h declares; it says why each exists.
#include "CLinux.h"

#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/syscall.h>

int clinux_errno(void) { return errno; }

const char *clinux_error_name(int number) { return strerrorname_np(number); }

const char *clinux_error_text(int number) { return strerrordesc_np(number); }

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int clinux_open(const char *path, int flags, unsigned mode) { return open(path, flags, mode); }

int clinux_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }

int clinux_exchange(const char *one, const char *other) {
  return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

int clinux_open_beneath(int directory, const char *path, int flags, unsigned mode) {
  struct open_how how = {
      .flags = (unsigned)flags,
      .mode = mode,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  };
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int clinux_move_new(int from, const char *name, int to, const char *new_name) {
  return renameat2(from, name, to, new_name, RENAME_NOREPLACE);
}

int clinux_reserve(int fd, long length) { return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, length); }

int clinux_prctl(int option, unsigned long two, unsigned long three) {
  return prctl(option, two, three, 0UL, 0UL);
}

int clinux_driver_name(int socket, const char *interface, char name[32]) {
  struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
  struct ifreq request = {.ifr_data = (char *)&info};
  strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
  if (ioctl(socket, SIOCETHTOOL, &request) != 0) return -1;
  memcpy(name, info.driver, sizeof info.driver);
  name[31] = 0;
  return 0;
}

static _Thread_local char *capture_buffer;
static _Thread_local size_t capture_size;

static int capture(enum libbpf_print_level level, const char *format, va_list arguments) {
  if (level == LIBBPF_DEBUG || !capture_buffer) return 0;
  size_t used = strlen(capture_buffer);
  return vsnprintf(capture_buffer + used, capture_size - used, format, arguments);
}

void clinux_libbpf_capture(char *buffer, size_t size) {
  capture_buffer = buffer;
  capture_size = size;
  libbpf_set_print(capture);
}

int clinux_bind_packet(int socket, int interface, unsigned short protocol) {
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = interface};
  return bind(socket, (struct sockaddr *)&address, sizeof address);
}

int clinux_bind_tcp(int socket, unsigned address, unsigned short port) {
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
  return bind(socket, (struct sockaddr *)&to, sizeof to);
}

int clinux_bind_unix(int socket, const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof to.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(to.sun_path, path);
  return bind(socket, (struct sockaddr *)&to, sizeof to);
}

int clinux_wake_transmit(int socket) {
  return sendto(socket, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? -1 : 0;
}

long clinux_receive_packet(int socket, void *buffer, size_t size, unsigned *status, unsigned char *type) {
  struct sockaddr_ll from = {0};
  struct iovec part = {.iov_base = buffer, .iov_len = size};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
  } control;
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part,
                           .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  long length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_TRUNC);
  if (length < 0) return -1;
  *type = from.sll_pkttype;
  *status = 0;
  for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_PACKET || at->cmsg_type != PACKET_AUXDATA) continue;
    struct tpacket_auxdata data;
    memcpy(&data, CMSG_DATA(at), sizeof data);
    *status = data.tp_status;
  }
  return length;
}

int clinux_xdp_link(int program, int interface, unsigned flags) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
  return bpf_link_create(program, interface, BPF_XDP, &options);
}

int clinux_xdp_mode(int interface) {
  LIBBPF_OPTS(bpf_xdp_query_opts, options);
  int error = bpf_xdp_query(interface, 0, &options);
  return error < 0 ? error : options.attach_mode;
}

int clinux_program_run(int program, const void *in, unsigned in_size, void *out, unsigned *out_size,
                       unsigned repeat, unsigned *verdict, unsigned *nanoseconds) {
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in, .data_size_in = in_size, .data_out = out,
              .data_size_out = *out_size, .repeat = (int)repeat);
  int error = bpf_prog_test_run_opts(program, &options);
  *out_size = options.data_size_out;
  *verdict = options.retval;
  *nanoseconds = options.duration;
  return error;
}

int clinux_program_run_live(int program, const void *in, unsigned in_size, unsigned repeat) {
  struct xdp_md context = {.data_end = in_size};
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in, .data_size_in = in_size, .ctx_in = &context,
              .ctx_size_in = sizeof context, .repeat = (int)repeat,
              .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
  return bpf_prog_test_run_opts(program, &options);
}

int clinux_current_processor(void) { return sched_getcpu(); }

unsigned clinux_xsk_tx_reserve(struct xsk_ring_prod *ring, unsigned count, unsigned *index) {
  return xsk_ring_prod__reserve(ring, count, index);
}

void clinux_xsk_tx_submit(struct xsk_ring_prod *ring, unsigned count) {
  xsk_ring_prod__submit(ring, count);
}

unsigned clinux_xsk_fill(struct xsk_ring_prod *ring, unsigned count, unsigned long long start, unsigned size) {
  unsigned index = 0;
  if (xsk_ring_prod__reserve(ring, count, &index) != count)
    return 0;
  for (unsigned frame = 0; frame < count; frame++)
    *xsk_ring_prod__fill_addr(ring, index + frame) = start + (unsigned long long)frame * size;
  xsk_ring_prod__submit(ring, count);
  return count;
}

void clinux_xsk_tx_set(struct xsk_ring_prod *ring, unsigned index, unsigned long long address,
                       unsigned length) {
  struct xdp_desc *descriptor = xsk_ring_prod__tx_desc(ring, index);
  descriptor->addr = address;
  descriptor->len = length;
  descriptor->options = 0;
}

unsigned clinux_xsk_tx_unsent(const struct xsk_ring_prod *ring) {
  return ring->cached_prod - __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
}

unsigned long long clinux_xsk_tx_withdraw(struct xsk_ring_prod *ring, unsigned number) {
  struct xdp_desc *descriptor = xsk_ring_prod__tx_desc(ring, ring->cached_prod - 1 - number);
  unsigned long long address = descriptor->addr;
  descriptor->addr = ~0ull;
  descriptor->len = 0;
  return address;
}

#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

int clinux_xsk_set_budget(int socket, int frames) {
  return setsockopt(socket, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &frames, sizeof frames) < 0 ? errno : 0;
}

int clinux_xsk_needs_wakeup(const struct xsk_ring_prod *ring) {
  return xsk_ring_prod__needs_wakeup(ring);
}

unsigned clinux_xsk_completion_peek(struct xsk_ring_cons *ring, unsigned count, unsigned *index) {
  return xsk_ring_cons__peek(ring, count, index);
}

unsigned long long clinux_xsk_completion_address(const struct xsk_ring_cons *ring, unsigned index) {
  return *xsk_ring_cons__comp_addr(ring, index);
}

void clinux_xsk_completion_release(struct xsk_ring_cons *ring, unsigned count) {
  xsk_ring_cons__release(ring, count);
}

int clinux_pin_thread(const int *processors, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < count; i++) CPU_SET(processors[i], &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

unsigned long clinux_load_acquire_long(const unsigned long *from) {
  return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

void clinux_store_release_long(unsigned long *to, unsigned long value) {
  __atomic_store_n(to, value, __ATOMIC_RELEASE);
}

unsigned clinux_load_acquire_u32(const unsigned *from) {
  return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

void clinux_store_release_u32(unsigned *to, unsigned value) {
  __atomic_store_n(to, value, __ATOMIC_RELEASE);
}

int clinux_usable_processors(int *list, int size) {
  cpu_set_t set;
  int count = 0;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
  for (int cpu = 0; cpu < CPU_SETSIZE && count < size; cpu++) {
    if (CPU_ISSET(cpu, &set)) list[count++] = cpu;
  }
  return count;
}

void clinux_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

void clinux_ignore_sigio(void) { signal(SIGIO, SIG_IGN); }

int clinux_inflate_begin(z_stream *stream) { return inflateInit2(stream, 16 + MAX_WBITS); }

int clinux_deflate_begin(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
}

int clinux_setresgid(unsigned gid) { return setresgid(gid, gid, gid); }

int clinux_setresuid(unsigned uid) { return setresuid(uid, uid, uid); }

int clinux_enter_network_namespace(int descriptor) { return setns(descriptor, CLONE_NEWNET); }

int clinux_new_network_namespace(void) { return unshare(CLONE_NEWNET); }

const int clinux_o_path = O_PATH;
const int clinux_at_empty_path = AT_EMPTY_PATH;
const int clinux_set_lease = F_SETLEASE;
