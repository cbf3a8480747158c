// A BPF object: opened from memory, configured, and loaded with libbpf. Loading needs CAP_BPF, CAP_PERFMON and
// CAP_NET_ADMIN; using its maps and programs afterwards needs no privilege.
import CLinux

/// A BPF object file. Its maps and programs are closed when it goes out of scope.
@safe public struct BPFObject: ~Copyable, @unchecked Sendable {
  private let object: OpaquePointer
  private let name: String

  /// Parses an embedded object, without loading it.
  public init(_ embedded: EmbeddedObject) throws(Fault) {
    let bytes = unsafe embedded.bytes
    name = embedded.rawValue
    // Without a name, libbpf makes one of the address, and its messages show that.
    let opened = unsafe embedded.rawValue.withCString { name in
      var options = unsafe bpf_object_open_opts()
      unsafe options.sz = MemoryLayout<bpf_object_open_opts>.size
      unsafe options.object_name = name
      return unsafe bpf_object__open_mem(bytes.start, bytes.count, &options)
    }
    guard let object = unsafe opened else {
      throw Fault("cannot read the embedded BPF object \(embedded.rawValue)", cause: .last)
    }
    unsafe self.object = object
  }

  deinit { unsafe bpf_object__close(object) }

  /// Sets the read-only data (`const volatile settings`). Call it before `load`.
  public func setReadOnlyData(_ bytes: [UInt8]) throws(Fault) {
    var size = 0
    guard let map = unsafe map(suffix: ".rodata"),
      let current = unsafe bpf_map__initial_value(map, &size), size >= bytes.count
    else {
      throw Fault("the BPF object \(name) has no settings of \(bytes.count) bytes")
    }
    // The section may be longer than the settings at its start.
    var data = unsafe [UInt8](UnsafeRawBufferPointer(start: current, count: size))
    data.replaceSubrange(0..<bytes.count, with: bytes)
    let error = unsafe bpf_map__set_initial_value(map, data, size)
    guard error == 0 else {
      throw Fault("cannot set the settings of the BPF object \(name)", cause: Errno(-error))
    }
  }

  /// Sets a map's max_entries, for a ring buffer its size in bytes. Call it before `load`.
  public func setMaxEntries(_ map: String, _ count: UInt32) throws(Fault) {
    let error = unsafe bpf_map__set_max_entries(try pointer(map), count)
    guard error == 0 else {
      throw Fault("cannot size the BPF map \(map) to \(count)", cause: Errno(-error))
    }
  }

  /// Sets whether `load` loads a program. The default is false for `SEC("?…")` and true for others.
  public func setAutoload(_ program: String, _ autoload: Bool) throws(Fault) {
    guard let found = unsafe bpf_object__find_program_by_name(object, program) else {
      throw Fault("the BPF object \(name) has no program \(program)")
    }
    unsafe bpf_program__set_autoload(found, autoload)
  }

  /// Loads maps and programs into the kernel.
  ///
  /// - Throws: a `Fault` whose detail is the end of the verifier's log.
  public func load() throws(Fault) {
    // libbpf reads the number of processors from /sys and caches it. After the drop it cannot read /sys.
    _ = libbpf_num_possible_cpus()
    // Large, because the reason is at the log's end, which a smaller buffer would cut off.
    var log = [CChar](repeating: 0, count: 1 << 20)
    let error = unsafe log.withUnsafeMutableBufferPointer { buffer in
      unsafe clinux_libbpf_capture(buffer.baseAddress, buffer.count)
      defer { clinux_libbpf_capture(nil, 0) }
      return unsafe bpf_object__load(object)
    }
    releaseInitialData()
    guard error == 0 else {
      let text = String(
        decoding: log.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw Fault(
        "cannot load the BPF program \(name)", cause: Errno(-error),
        detail: error == -EPERM ? nil : BPFObject.summary(ofLog: text),
        remedy: BPFObject.loadRemedy(Errno(-error)))
    }
  }

  /// Gives back the memory in which libbpf keeps the initial contents of variables, after the kernel has copied them.
  private func releaseInitialData() {
    guard let map = unsafe map(suffix: ".bss") else { return }
    var size = 0
    guard let data = unsafe bpf_map__initial_value(map, &size) else { return }
    // It is a mapping of its own, of whole pages (libbpf, bpf_object__init_internal_map).
    _ = unsafe madvise(UnsafeMutableRawPointer(mutating: data), size, MADV_REMOVE)
  }

  /// Returns the last three lines of the verifier's log if there is one, else of libbpf's; nil if there are none.
  static func summary(ofLog log: String) -> String? {
    let lines = log.split(separator: "\n")
    let end = lines.firstIndex { $0.hasPrefix("-- END PROG LOAD LOG") }
    let verifier = lines.prefix(upTo: end ?? lines.startIndex).filter { !$0.hasPrefix("processed ") }
    let reason = end == nil ? lines.suffix(3) : verifier.suffix(3)
    return reason.isEmpty ? nil : reason.joined(separator: " | ")
  }

  private static func loadRemedy(_ cause: Errno) -> String? {
    switch cause.number {
    case EPERM:
      "Loading needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"
    case EACCES: "This kernel's verifier rejected the program"
    case ENOMEM: "Raise the memory lock limit (ulimit -l) or the memory cgroup's limit"
    default: nil
    }
  }

  /// Returns a loaded map. The object must outlive it.
  public func map(_ name: String) throws(Fault) -> BPFMap {
    let map = unsafe try pointer(name)
    return unsafe BPFMap(
      name: name, number: bpf_map__fd(map), valueSize: Int(bpf_map__value_size(map)),
      maxEntries: Int(bpf_map__max_entries(map)))
  }

  /// Returns a loaded program's descriptor, borrowed from the object.
  public func program(_ name: String) throws(Fault) -> Int32 {
    guard let program = unsafe bpf_object__find_program_by_name(object, name) else {
      throw Fault("the BPF object \(self.name) has no program \(name)")
    }
    return unsafe bpf_program__fd(program)
  }

  /// Returns what the verifier made of a loaded program: its instructions, and the steps that proved them.
  public func size(of program: Int32) throws(Fault) -> (instructions: Int, steps: Int) {
    var info = bpf_prog_info()
    var length = UInt32(MemoryLayout<bpf_prog_info>.size)
    let error = unsafe bpf_obj_get_info_by_fd(program, &info, &length)
    guard error == 0 else {
      throw Fault("cannot read about a program of \(name)", cause: Errno(-error))
    }
    return (Int(info.xlated_prog_len) / 8, Int(info.verified_insns))
  }

  private func pointer(_ name: String) throws(Fault) -> OpaquePointer {
    guard let map = unsafe bpf_object__find_map_by_name(object, name) else {
      throw Fault("the BPF object \(self.name) has no map \(name)")
    }
    return unsafe map
  }

  private func map(suffix: String) -> OpaquePointer? {
    var map = unsafe bpf_object__next_map(object, nil)
    while let found = unsafe map {
      if unsafe String(cString: bpf_map__name(found)).hasSuffix(suffix) { return unsafe found }
      unsafe map = bpf_object__next_map(object, found)
    }
    return nil
  }
}
