// The scanner of a simulated box: sends at the licensed rate, and remembers what answered.
import Plan
import Wire

@testable import Fleet

extension SimulatedBox {
  func scan(_ interval: Double) {
    let rate = licensedRate
    world.checkRates()
    credit = min(credit + Double(rate) * interval, Double(rate) * 0.2)
    for name in disk.jobs.keys.sorted() {
      guard var job = disk.jobs[name], !job.isFinished, let plan = world.plans[job.shard.scan] else {
        continue
      }
      if let until = job.coolsUntil {
        if world.now >= until { job.isFinished = true }
        disk.jobs[name] = job
        continue
      }
      guard credit >= 1 else { continue }
      job.isQueued = false
      probe(&job, plan)
      if world.pick(0...9) == 0 { job.checkpoint = job.position }
      if job.position == plan.description.size(of: job.shard.number) {
        job.checkpoint = job.position
        job.coolsUntil = world.now + 2 * second
      }
      disk.jobs[name] = job
    }
  }

  private func probe(_ job: inout Job, _ plan: FleetPlan) {
    let size = plan.description.size(of: job.shard.number)
    let shards = UInt64(plan.description.shards)
    while credit >= 1, job.position < size {
      let index = UInt64(job.shard.number) + shards * job.position
      let target = plan.plan.target(at: plan.permutation(index))
      if ownDenied.contains(target.address) { job.denied.append(job.position) }
      if !denied.contains(target.address), !ownDenied.contains(target.address) {
        credit -= 1
        world.checkProbe(target.address, self)
        if World.isOpen(target) {
          let port = isLying ? 81 : target.port.value
          job.rows.append((job.position, "\(target.address),\(port)\n"))
        }
      }
      job.position += 1
    }
  }

  var listing: [BoxMachine.JobOnDisk] {
    disk.jobs.sorted { $0.key < $1.key }.map { name, job in
      let size = world.plans[job.shard.scan]?.description.size(of: job.shard.number) ?? 0
      let stage: BoxMachine.JobOnDisk.Stage =
        if job.isFinished {
          .finished(
            BoxMachine.Outcome(
              incomplete: job.incomplete, targets: size, targetsDenied: UInt64(job.denied.count),
              denySequence: disk.state.denySequence))
        } else {
          job.isQueued ? .queued : .active(done: job.position, size: size)
        }
      return BoxMachine.JobOnDisk(
        name: name, stage: stage, hasManifest: disk.manifests[job.shard] != nil,
        hasReceipt: job.hasReceipt)
    }
  }
}
