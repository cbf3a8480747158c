// Constants that no netlink header defines, under the kernel's names.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// IPv4 (linux/socket.h), in the width of `ifa_family`, `rtm_family` and `ndm_family`.
let AF_INET: UInt8 = 2

/// The interface is administratively up (linux/if.h); a bit of `ifi_flags`.
let IFF_UP: UInt32 = 1
