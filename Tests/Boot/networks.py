"""A box with more than one NIC: each network namespace has its own."""

import subprocess

from lab import Lab
from machine import Machine, require
from scan import Job, complete, require_balance, settled, site

# A second NIC, a slot for a third, and the wires of both.
SECOND = [
    "-netdev", "tap,id=n1,ifname=tap1,script=no,downscript=no,vhost=off",
    "-device", "virtio-net-pci,netdev=n1,mac=52:54:00:00:00:02,romfile=",
    "-device", "pcie-root-port,id=slot1,chassis=1",
]  # fmt: skip
LISTING = "interfaces {}: there is no interface {}; present: (.*)$"


def separate(directory):
    """The scanner's network namespace has lo and the scan NIC alone; every other NIC, also one that is plugged in later, is
    in that of the services. Processes in both say so. The scan is exact."""
    job = Job("198.19.0.0/20", [80, 443])
    with Lab("separate") as lab, Machine(lab, directory) as machine:
        lab.add_tap("tap1", "192.0.2.1/24")
        machine.make_disk()
        machine.put(job.name, job.text)
        machine.start(files=site(), init="--test-interfaces", extra=SECOND)
        lab.respond(directory / "node.log")
        machine.run()
        moved = machine.wait(
            r"^synbox: (eth\d) \(virtio_net, 52:54:00:00:00:02, .*\) is in the network namespace of the services$"
        ).group(1)
        before = machine.text().index("is in the network namespace of the services")
        machine.wait(r"^synbox: scan0 is igb.*, namespace own\b.*$")
        machine.wait(r"^synbox: first probe after")
        require(before < machine.text().index("first probe after"), "the NIC was moved after the first probe")
        # What a process of either namespace sees.
        seen = machine.wait("^synbox: " + LISTING.format("beside the scanner", "none"), 60).group(1)
        require(seen == "lo, scan0", f"beside the scanner: {seen}")
        seen = machine.wait("^synbox: " + LISTING.format("of the services", "scan0"), 60).group(1)
        require(set(seen.split(", ")) == {"lo", moved}, f"in the namespace of the services: {seen}")
        complete(machine, job)
        counts = settled(lab)
        # A third NIC is plugged in.
        machine.tell("netdev_add", type="hubport", id="n2", hubid=0)
        machine.tell("device_add", driver="virtio-net-pci", id="nic2", netdev="n2", bus="slot1", mac="52:54:00:00:00:03")
        later = machine.wait(r"^synbox: (eth\d) \(virtio_net, 52:54:00:00:00:03, .*namespace of the services", 60).group()
        require("cannot" not in later, later)
        machine.cut_power()
        summary = job.check(machine.get())
        require_balance(counts, summary, job)
    return f"{moved} and a hot-plugged NIC moved; scanner sees lo and scan0; {counts['syns_valid']} SYNs exact"


ASKING = '[management]\ndriver = "virtio_net"\naddress = "dhcp"\n'


def managed(directory):
    """The management NIC gets an address from a DHCP server. It answers on its own wire, and not on the wire of the scan NIC,
    nor does the scan NIC's address on this one. The scan is exact."""
    job = Job("198.19.0.0/21", [80, 443])
    files = site()
    files["/etc/synbox/box.toml"] += ASKING
    with Lab("managed") as lab, Machine(lab, directory) as machine:
        lab.add_tap("tap1", "192.0.2.1/24")
        machine.make_disk()
        machine.put(job.name, job.text)
        machine.start(files=files, extra=SECOND)
        lab.respond(directory / "node.log")
        server = dhcp_server(lab, directory)
        try:
            machine.run()
            machine.wait(r"^synbox: eth\d \(virtio_net, .*\) is in the network namespace of the services, as mgmt0$")
            line = machine.wait(r"^synbox: mgmt0: (192\.0\.2\.\d+)/24, gateway 192\.0\.2\.1\b.*, by DHCP$", 90)
            machine.wait(r"^synbox: the DHCP client: uid 60902, CapEff 0000000000000000, Seccomp 2", 60)
            complete(machine, job)
            counts = settled(lab)
            require_apart(lab, line.group(1))
            leases = (directory / "leases").read_text()
            require(f"{line.group(1)} lab " in leases, leases)
        finally:
            server.terminate()
            server.wait()
        machine.cut_power()
        require_balance(counts, job.check(machine.get()), job)
    return line.group().removeprefix("synbox: ")


def require_apart(lab, address):
    """Each NIC has its own wire. Ends the target node, which would drop replies to others."""
    lab.node.terminate()
    lab.node.wait()
    require(answers(lab, "tap1", address) == (True, True), f"{address} does not answer on its own wire")
    # A dedicated address answers ARP alone.
    require(answers(lab, "tap0", "198.18.0.1") == (True, False), "the scan NIC is not on its wire")
    require(answers(lab, "tap0", address) == (False, False), f"{address} answers on the wire of the scan NIC")
    require(answers(lab, "tap1", "198.18.0.1") == (False, False), "the scan NIC answers on the management wire")


def dhcp_server(lab, directory):
    """Starts dnsmasq on tap1."""
    return subprocess.Popen(
        lab.command(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=tap1", "--bind-interfaces",
            "--dhcp-range=192.0.2.50,192.0.2.60,255.255.255.0,1h", "--dhcp-option=option:router,192.0.2.1", "--no-resolv",
            "--no-hosts", "--no-ping", "--user=root", "--pid-file=", f"--dhcp-leasefile={directory / 'leases'}",
        ),
        stdout=subprocess.DEVNULL, stderr=open(directory / "dnsmasq.log", "w"))  # fmt: skip


def answers(lab, interface, address):
    """Whether an address answers ARP, and a ping, that leave through an interface."""
    output = lab.inside("ping", "-n", "-c", "3", "-i", "0.3", "-W", "2", "-I", interface, address, check=False)
    neighbour = lab.inside("ip", "neighbour", "show", "to", address, "dev", interface)
    return "lladdr" in neighbour, " 0 received" not in output
