// The calls that the probe makes after the drop. They take and return only numbers, so that the Swift side needs no
// pointers. Unless noted otherwise, each returns 0 or the errno of the call that failed.
#ifndef CCONFINEMENTPROBE_H
#define CCONFINEMENTPROBE_H

int probe_map_plain(void);
/// Executes `cat /proc/self/status`; returns only on failure.
int probe_execve_status(void);
int probe_interface_flags(void);
int probe_signal_parent(void);
int probe_inet_socket(void);

/// Makes a call that an intruder would make, by name. Returns ENOSYS for an unknown name.
int probe_intrusion(const char *name);
/// Returns the name with this number, from 0; NULL past the last.
const char *probe_intrusion_name(int number);
/// Opens what the intrusions need, before the drop: a TCP socket, a BPF map, a file.
int probe_prepare_intrusions(void);
/// Makes any system call with these arguments.
int probe_system_call(long number, unsigned long one, unsigned long two, unsigned long three);

/// Connects a TCP socket, which was opened before, to a port of 127.0.0.1 where nobody listens.
int probe_connect(int socket);
int probe_tcp_socket(void);
/// Opens a UDP socket without a peer. Returns its descriptor or a negative errno.
int probe_udp_socket(void);
/// Sends an empty message without an address (sendmsg(2)).
int probe_message(int socket);
/// Frees memory twice, so that the C library aborts.
void probe_damage_heap(void);

/// Files below the working directory: data/a, data/b, shelf/file, outside.
int probe_create_in_data(void);
int probe_rename_in_data(void);
int probe_unlink_in_data(void);
int probe_read_shelf(void);
int probe_write_shelf(void);
int probe_create_on_shelf(void);
int probe_read_outside(void);
int probe_read_passwd(void);
int probe_read_shadow(void);
int probe_read_other_process(void);
int probe_unlink_outside(void);

/// Opens any path with openat2(2) and no restriction, reads a byte if it is opened to be read, and closes it.
int probe_open_anywhere(const char *path, int flags);
/// Moves a file to a name that does not exist (RENAME_NOREPLACE).
int probe_move_new(const char *from, const char *to);
int probe_remove(const char *path);
/// Flags of open(2), which Swift cannot import all.
int probe_open_read(void);
int probe_open_list(void);
int probe_open_write(void);
int probe_open_change(void);
int probe_open_truncate(void);
int probe_open_create(void);
int probe_open_mark(void);

/// Creates a BPF array of one 32-bit value. Returns its descriptor or a negative errno.
int probe_bpf_map_create(void);
int probe_bpf_map_set(int map, unsigned value);
/// Returns the value or a negative errno.
int probe_bpf_map_get(int map);
int probe_bpf_map_freeze(int map);
/// Loads an XDP program that drops everything, without attaching it. Returns its descriptor or a negative errno.
int probe_bpf_program_load(void);
/// Runs it on one frame (BPF_PROG_TEST_RUN).
int probe_bpf_program_run(int program);

/// The value of an environment variable; NULL if it is not set.
const char *probe_environment(const char *name);
/// Opens a file for reading or, if `write`, for writing, and closes it.
int probe_open(const char *path, int write);
/// Accepts a connection on a listening socket, and writes a line to it. Returns 0, EAGAIN if nobody connects, or an errno.
int probe_greet(int socket);

/// Starts a thread that waits until the process ends.
int probe_start_thread(void);

#endif
