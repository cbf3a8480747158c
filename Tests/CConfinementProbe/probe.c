#define _GNU_SOURCE
#include "CConfinementProbe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(long value) { return value == -1 ? errno : 0; }

static int map(int protection) {
  void *page = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? errno : 0;
}

int probe_map_plain(void) { return map(PROT_READ | PROT_WRITE); }

int probe_execve_status(void) {
  char *const arguments[] = {"cat", "/proc/self/status", NULL};
  return result(execve("/bin/cat", arguments, arguments + 2));
}

static int open_close(const char *path, int flags) {
  int descriptor = open(path, flags | O_CLOEXEC, 0600);
  if (descriptor < 0) return errno;
  close(descriptor);
  return 0;
}

int probe_create_in_data(void) { return open_close("data/a/new", O_WRONLY | O_CREAT | O_EXCL); }
int probe_rename_in_data(void) { return result(rename("data/a/new", "data/b/new")); }
int probe_unlink_in_data(void) { return result(unlink("data/b/new")); }
int probe_read_shelf(void) { return open_close("shelf/file", O_RDONLY); }
int probe_write_shelf(void) { return open_close("shelf/file", O_WRONLY); }
int probe_create_on_shelf(void) { return open_close("shelf/new", O_WRONLY | O_CREAT); }
int probe_read_outside(void) { return open_close("outside", O_RDONLY); }
int probe_read_passwd(void) { return open_close("/etc/passwd", O_RDONLY); }
int probe_read_shadow(void) { return open_close("/etc/shadow", O_RDONLY); }
int probe_unlink_outside(void) { return result(unlink("outside")); }
int probe_read_other_process(void) { return open_close("/proc/1/status", O_RDONLY); }

int probe_interface_flags(void) {
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return errno;
  struct ifreq request = {.ifr_name = "lo"};
  // Set the present flags, so that nothing changes even if the call is allowed.
  int outcome = result(ioctl(control, SIOCGIFFLAGS, &request));
  if (outcome == 0) outcome = result(ioctl(control, SIOCSIFFLAGS, &request));
  close(control);
  return outcome;
}

int probe_signal_parent(void) { return result(kill(getppid(), 0)); }

int probe_inet_socket(void) {
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno;
  close(descriptor);
  return 0;
}

int probe_bpf_map_create(void) {
  return bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, NULL);
}

int probe_bpf_map_set(int map, unsigned value) {
  unsigned key = 0;
  return -bpf_map_update_elem(map, &key, &value, BPF_ANY);
}

int probe_bpf_map_get(int map) {
  unsigned key = 0, value = 0;
  int error = bpf_map_lookup_elem(map, &key, &value);
  return error < 0 ? error : (int)value;
}

int probe_bpf_map_freeze(int map) { return -bpf_map_freeze(map); }

int probe_bpf_program_load(void) {
  const struct bpf_insn drop[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP},
      {.code = BPF_JMP | BPF_EXIT},
  };
  return bpf_prog_load(BPF_PROG_TYPE_XDP, "probe", "GPL", drop, 2, NULL);
}

int probe_bpf_program_run(int program) {
  unsigned char frame[64] = {0};
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof frame,
              .repeat = 1);
  int error = bpf_prog_test_run_opts(program, &options);
  if (error != 0) return -error;
  return options.retval == XDP_DROP ? 0 : EBADMSG;
}

static void *wait_for_the_end(void *unused) {
  for (;;) poll(NULL, 0, -1);
  return unused;
}

int probe_start_thread(void) {
  pthread_t thread;
  return pthread_create(&thread, NULL, wait_for_the_end, NULL);
}

int probe_tcp_socket(void) { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

int probe_connect(int socket) {
  struct sockaddr_in nobody = {
      .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return result(connect(socket, (struct sockaddr *)&nobody, sizeof nobody));
}

void probe_damage_heap(void) {
  void *volatile memory = malloc(24);
  free(memory);
  free(memory);
}

int probe_system_call(long number, unsigned long one, unsigned long two, unsigned long three) {
  return result(syscall(number, one, two, three, 0, 0));
}

const char *probe_environment(const char *name) { return getenv(name); }

int probe_open(const char *path, int write) { return open_close(path, write ? O_WRONLY : O_RDONLY); }

int probe_greet(int socket) {
  int connection = accept(socket, NULL, NULL);
  if (connection < 0) return errno;
  int error = write(connection, "hello\n", 6) == 6 ? 0 : errno;
  close(connection);
  return error;
}

int probe_udp_socket(void) {
  int opened = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return opened < 0 ? -errno : opened;
}

int probe_message(int socket) {
  struct msghdr message = {0};
  return result(sendmsg(socket, &message, 0));
}
