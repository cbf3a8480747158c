// libnl-3 and the kernel's netlink families, as they are. A module of its own because libnl's headers
// lie in a directory that only pkg-config knows.
#ifndef CNETLINK_H
#define CNETLINK_H
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#endif
