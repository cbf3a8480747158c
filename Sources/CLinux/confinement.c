// Landlock calls, securebits and seccomp macros for confinement. See CLinux.h.
#include "CLinux.h"

#include <linux/securebits.h>
#include <sys/syscall.h>

// struct landlock_ruleset_attr as of Landlock ABI 6. Debian 12's header ends after the first field. A kernel that
// knows fewer fields accepts the others if they are zero (copy_struct_from_user).
struct ruleset_attributes {
  unsigned long long handled_access_fs;
  unsigned long long handled_access_net;
  unsigned long long scoped;
};
_Static_assert(sizeof(struct ruleset_attributes) == 24, "struct landlock_ruleset_attr, ABI 6");

int clinux_landlock_abi(void) {
  return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

int clinux_landlock_create(unsigned long long filesystem, unsigned long long network,
                           unsigned long long scopes) {
  struct ruleset_attributes attributes = {filesystem, network, scopes};
  return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
}

int clinux_landlock_allow_beneath(int ruleset, unsigned long long access, int path) {
  struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = path};
  return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

// Debian 12's linux/landlock.h lacks both: Linux 6.7.
struct clinux_landlock_port {
  unsigned long long allowed_access, port;
};

int clinux_landlock_allow_port(int ruleset, unsigned long long access, unsigned short port) {
  struct clinux_landlock_port rule = {.allowed_access = access, .port = port};
  return (int)syscall(SYS_landlock_add_rule, ruleset, 2 /* LANDLOCK_RULE_NET_PORT */, &rule, 0);
}

int clinux_landlock_restrict_self(int ruleset) {
  return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

const unsigned clinux_securebits_sealed = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
                                          SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
                                          SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                          SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

unsigned clinux_seccomp_errno(unsigned short number) { return SCMP_ACT_ERRNO(number); }
