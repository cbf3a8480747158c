// The NIC profiles of netconfig/, embedded so that the product is one file.
#include "CLinux.h"

static const char profile_default[] = {
#embed "../../netconfig/default.toml" suffix(,)
    0};
static const char profile_i40e[] = {
#embed "../../netconfig/i40e.toml" suffix(,)
    0};
static const char profile_ice[] = {
#embed "../../netconfig/ice.toml" suffix(,)
    0};
static const char profile_igb[] = {
#embed "../../netconfig/igb.toml" suffix(,)
    0};
static const char profile_igc[] = {
#embed "../../netconfig/igc.toml" suffix(,)
    0};
static const char profile_ixgbe[] = {
#embed "../../netconfig/ixgbe.toml" suffix(,)
    0};
static const char profile_mlx5_core[] = {
#embed "../../netconfig/mlx5_core.toml" suffix(,)
    0};
static const char profile_veth[] = {
#embed "../../netconfig/veth.toml" suffix(,)
    0};
static const char profile_virtio_net[] = {
#embed "../../netconfig/virtio_net.toml" suffix(,)
    0};

static const struct clinux_profile profiles[] = {
    {"default", profile_default},
    {"i40e", profile_i40e},
    {"ice", profile_ice},
    {"igb", profile_igb},
    {"igc", profile_igc},
    {"ixgbe", profile_ixgbe},
    {"mlx5_core", profile_mlx5_core},
    {"veth", profile_veth},
    {"virtio_net", profile_virtio_net},
};

const struct clinux_profile *clinux_profile(size_t number) {
  return number < sizeof profiles / sizeof *profiles ? &profiles[number] : NULL;
}
