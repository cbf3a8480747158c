// Calls that the probe makes after the drop, as plain numbers in and out, so that the Swift side needs no
// pointers. Unless said otherwise each gives 0, or the errno of the call that failed.
#ifndef CCONFINEMENTPROBE_H
#define CCONFINEMENTPROBE_H

int probe_map_plain(void);
/// Becomes `cat /proc/self/status`; returns only if that fails.
int probe_execve_status(void);
int probe_interface_flags(void);
int probe_signal_parent(void);
int probe_inet_socket(void);

/// What an intruder would try, by the kernel's name of the call or what is done with it. ENOSYS for a name
/// that is not known.
int probe_intrusion(const char *name);
/// The names, one after another; NULL past the last.
const char *probe_intrusion_name(int number);
/// Opens what the intrusions need, before the drop: a TCP socket, a BPF map, a file.
int probe_prepare_intrusions(void);
/// Any system call with these arguments: 0 or errno.
int probe_system_call(long number, unsigned long one, unsigned long two, unsigned long three);

/// A TCP connection to a port of 127.0.0.1 where nobody listens, on a socket that was opened before.
int probe_connect(int socket);
int probe_tcp_socket(void);
/// Frees what was freed before: the C library aborts.
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

/// A BPF array of one 32-bit value: its descriptor, or minus an errno.
int probe_bpf_map_create(void);
int probe_bpf_map_set(int map, unsigned value);
/// The value, or minus an errno.
int probe_bpf_map_get(int map);
int probe_bpf_map_freeze(int map);
/// An XDP program that drops everything, attached to nothing: its descriptor, or minus an errno.
int probe_bpf_program_load(void);
/// Runs it on one frame that never leaves the call (BPF_PROG_TEST_RUN).
int probe_bpf_program_run(int program);

/// A thread that runs until the process ends; it waits for nothing but the end.
int probe_start_thread(void);

#endif
