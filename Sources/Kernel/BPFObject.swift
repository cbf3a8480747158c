// A BPF object through libbpf: opened from memory, set up, loaded. Loading needs CAP_BPF, CAP_PERFMON and
// CAP_NET_ADMIN; what is borrowed from it afterwards needs nothing.
import CLinux

/// The life of one BPF object file. Closed (maps, programs) when it goes out of scope.
@safe public struct BPFObject: ~Copyable, @unchecked Sendable {
  private let object: OpaquePointer
  private let name: String

  /// Parses an object that is part of the binary; nothing reaches the kernel yet.
  public init(_ embedded: EmbeddedObject) throws(Fault) {
    let bytes = unsafe embedded.bytes
    name = embedded.rawValue
    // Without a name libbpf invents one out of the address, which would stand in its messages.
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

  /// Sets the program's read-only data (`const volatile settings`) before it is loaded.
  public func setReadOnlyData(_ bytes: [UInt8]) throws(Fault) {
    var size = 0
    guard let map = unsafe map(suffix: ".rodata"),
      let current = unsafe bpf_map__initial_value(map, &size), size >= bytes.count
    else {
      throw Fault("the BPF object \(name) has no settings of \(bytes.count) bytes")
    }
    // The section may be longer than the settings, which stand at its start.
    var data = unsafe [UInt8](UnsafeRawBufferPointer(start: current, count: size))
    data.replaceSubrange(0..<bytes.count, with: bytes)
    let error = unsafe bpf_map__set_initial_value(map, data, size)
    guard error == 0 else {
      throw Fault("cannot set the settings of the BPF object \(name)", cause: Errno(-error))
    }
  }

  /// Sets a map's size before it is loaded; a ring buffer's in bytes.
  public func setMaxEntries(_ map: String, _ count: UInt32) throws(Fault) {
    let error = unsafe bpf_map__set_max_entries(try pointer(map), count)
    guard error == 0 else {
      throw Fault("cannot size the BPF map \(map) to \(count)", cause: Errno(-error))
    }
  }

  /// Whether `load` loads a program; what an object's source leaves out by `SEC("?…")` is not.
  public func setLoads(_ program: String, _ loads: Bool) throws(Fault) {
    guard let found = unsafe bpf_object__find_program_by_name(object, program) else {
      throw Fault("the BPF object \(name) has no program \(program)")
    }
    unsafe bpf_program__set_autoload(found, loads)
  }

  /// Hands maps and programs to the kernel. What the verifier says against it becomes the fault's detail.
  public func load() throws(Fault) {
    // libbpf reads the number of processors from /sys once and keeps it; later that path is out of reach.
    _ = libbpf_num_possible_cpus()
    // The verifier comes to the point last, and a log that is cut loses its end.
    var log = [CChar](repeating: 0, count: 1 << 20)
    let error = unsafe log.withUnsafeMutableBufferPointer { buffer in
      unsafe clinux_libbpf_capture(buffer.baseAddress, buffer.count)
      defer { clinux_libbpf_capture(nil, 0) }
      return unsafe bpf_object__load(object)
    }
    guard error == 0 else {
      let text = String(
        decoding: log.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw Fault(
        "cannot load the BPF program \(name)", cause: Errno(-error),
        detail: error == -EPERM ? nil : BPFObject.point(of: text),
        remedy: BPFObject.loadRemedy(Errno(-error)))
    }
  }

  /// The lines that say what was wrong: the verifier's last words where it has spoken, else libbpf's.
  static func point(of log: String) -> String? {
    let lines = log.split(separator: "\n")
    let end = lines.firstIndex { $0.hasPrefix("-- END PROG LOAD LOG") }
    let verifier = lines.prefix(upTo: end ?? lines.startIndex).filter { !$0.hasPrefix("processed ") }
    let telling = end == nil ? lines.suffix(3) : verifier.suffix(3)
    return telling.isEmpty ? nil : telling.joined(separator: " | ")
  }

  private static func loadRemedy(_ cause: Errno) -> String? {
    switch cause.number {
    case EPERM:
      "Loading needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"
    case EACCES: "The verifier of this kernel does not accept the program"
    case ENOMEM: "Raise the memory lock limit (ulimit -l) or the memory cgroup's limit"
    default: nil
    }
  }

  /// A map for use after loading. The object must outlive it.
  public func map(_ name: String) throws(Fault) -> BPFMap {
    let map = unsafe try pointer(name)
    return unsafe BPFMap(
      name: name, number: bpf_map__fd(map), valueSize: Int(bpf_map__value_size(map)),
      maxEntries: Int(bpf_map__max_entries(map)))
  }

  /// A loaded program's descriptor, borrowed from the object.
  public func program(_ name: String) throws(Fault) -> Int32 {
    guard let program = unsafe bpf_object__find_program_by_name(object, name) else {
      throw Fault("the BPF object \(self.name) has no program \(name)")
    }
    return unsafe bpf_program__fd(program)
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
