// Mounting and unmounting of file systems (mount(2), umount2(2)).
import CLinux

public enum Mount {
  /// Mount flags (`MS_*`, mount(2)).
  public struct Options: OptionSet, Sendable {
    public let rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }

    public static let readOnly = Options(rawValue: UInt(MS_RDONLY))
    public static let noSetUID = Options(rawValue: UInt(MS_NOSUID))
    public static let noDevices = Options(rawValue: UInt(MS_NODEV))
    public static let noExecution = Options(rawValue: UInt(MS_NOEXEC))
    public static let noAccessTimes = Options(rawValue: UInt(MS_NOATIME))
    /// For untrusted files: no programs, no set-user-ID bits, no device nodes.
    public static let dataOnly: Options = [.noSetUID, .noDevices, .noExecution]
  }

  /// Mounts `source` at the directory `target`. `data` are options of the file system itself.
  public static func attach(
    _ source: String, at target: String, type: String, _ options: Options, data: String? = nil
  ) throws(Fault) {
    do throws(Errno) {
      try syscall { unsafe mount(source, target, type, options.rawValue, data) }
    } catch {
      throw Fault("cannot mount \(source) (\(type)) at \(target)", cause: error)
    }
  }

  public static func detach(_ target: String) throws(Fault) {
    do throws(Errno) {
      try syscall { unsafe umount2(target, 0) }
    } catch {
      throw Fault("cannot unmount \(target)", cause: error)
    }
  }

  /// EBUSY: what `attach` throws for a file system that is mounted there.
  public static let alreadyMounted = Errno.resourceBusy
}
