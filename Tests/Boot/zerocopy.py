"""Zero-copy is tried before it is believed."""

from lab import Lab
from machine import QUEUES, Machine, require
from scan import Job, complete, require_balance, settled, site

# Without KASLR virtio_net's zero-copy header is a little above 1 GiB (docs/design/nic.md). There must be memory there, in
# which the device finds no zeros.
MEGABYTES, ADDRESS, LENGTH = 2048, 0x40000000, 64 << 20


def zero_copy(directory):
    """virtio_net completes zero-copy frames that never leave: by name it is refused, with the reason, and nothing is sent; `auto`
    takes another mode. igb's is proven by a reply to ARP. All scans are exact."""
    refused = faulty(directory / "by-name", "xdp-zerocopy")
    chosen = faulty(directory / "auto", "auto")
    return f"{refused}; {chosen}; {proven(directory / 'igb')}"


def faulty(directory, transmit):
    job = Job("198.19.0.0/22", [80, 443])
    with Lab(directory.name, QUEUES["virtio_net"]) as lab, Machine(lab, directory, "virtio_net", megabytes=MEGABYTES) as machine:
        machine.make_disk()
        machine.put(job.name, job.text)
        wrong = directory / "memory"
        wrong.write_bytes(b"\xff" * LENGTH)
        machine.start(
            files=site("virtio_net", transmit=transmit),
            extra=["-device", f"loader,file={wrong},addr={ADDRESS:#x},force-raw=on"])
        lab.respond(directory / "node.log")
        machine.run()
        if transmit != "auto":
            line = machine.wait(r"frames sent by AF_XDP zero-copy on queue 0 do not leave: [0-9.]+ replies only").group()
            sent = settled(lab)["syns_valid"]
            require(sent == 0, f"{sent} SYNs were sent")
            return line
        complete(machine, job)
        counts = settled(lab)
        machine.cut_power()
        summary = job.check(machine.get())
        require_balance(counts, summary, job)
        require(summary["transmit_mode"] != ["xdp-zerocopy:0"], f"{summary['transmit_mode']}")
        return f"auto: {summary['transmit_mode'][0]}"


def proven(directory):
    job = Job("198.19.0.0/22", [80, 443])
    with Lab(directory.name) as lab, Machine(lab, directory) as machine:
        machine.make_disk()
        machine.put(job.name, job.text)
        machine.start(files=site())
        lab.respond(directory / "node.log")
        machine.run()
        line = machine.wait(r"[0-9.]+ replied to a request sent by AF_XDP zero-copy").group()
        complete(machine, job)
        counts = settled(lab)
        machine.cut_power()
        summary = job.check(machine.get())
        require_balance(counts, summary, job)
        require(summary["transmit_mode"] == ["xdp-zerocopy:0"], f"{summary['transmit_mode']}")
        return f"igb: {line}"
