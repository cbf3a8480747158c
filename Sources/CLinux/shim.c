// Out-of-line bodies for what CLinux.h declares; see there for why each exists.
#include "CLinux.h"

#include <stdarg.h>

int clinux_errno(void) { return errno; }

int clinux_open(const char *path, int flags, unsigned mode) { return open(path, flags, mode); }

int clinux_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }

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

unsigned clinux_xsk_tx_reserve(struct xsk_ring_prod *ring, unsigned count, unsigned *index) {
  return xsk_ring_prod__reserve(ring, count, index);
}

void clinux_xsk_tx_submit(struct xsk_ring_prod *ring, unsigned count) {
  xsk_ring_prod__submit(ring, count);
}

void clinux_xsk_tx_set(struct xsk_ring_prod *ring, unsigned index, unsigned long long address,
                       unsigned length) {
  struct xdp_desc *descriptor = xsk_ring_prod__tx_desc(ring, index);
  descriptor->addr = address;
  descriptor->len = length;
  descriptor->options = 0;
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

int clinux_pin_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
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
