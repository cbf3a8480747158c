// File systems attached and detached (mount(2), umount2(2)).
import CLinux

public enum Mount {
  /// `MS_` flags, under the names that mount(8) has for them.
  public struct Options: OptionSet, Sendable {
    public let rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }

    public static let readOnly = Options(rawValue: 1)
    public static let noSetUID = Options(rawValue: 2)
    public static let noDevices = Options(rawValue: 4)
    public static let noExecution = Options(rawValue: 8)
    public static let noAccessTimes = Options(rawValue: 1024)
    /// What files of others get: nothing in them is run, and no device node of them is believed.
    public static let dataOnly: Options = [.noSetUID, .noDevices, .noExecution]
  }

  /// Attaches `source` at the directory `target`. `data` are options of the file system's own.
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

  /// EBUSY: it is mounted there already, or in use.
  public static let isMounted = Errno(EBUSY)
}
