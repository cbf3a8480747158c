"""A box with more than one NIC: each network namespace has its own."""

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
        machine.wait(r"^synbox: scan0 is igb.*, namespace own$")
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
