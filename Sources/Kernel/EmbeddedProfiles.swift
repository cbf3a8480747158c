// The NIC profiles of netconfig/, embedded in the binary.
import CLinux

public enum EmbeddedProfiles {
  /// The text of each profile by its driver's name, including `default`.
  public static let texts: [String: String] = {
    var texts: [String: String] = [:]
    while let profile = unsafe clinux_profile(texts.count) {
      let (driver, text) = unsafe (profile.pointee.driver!, profile.pointee.text!)
      unsafe texts[String(cString: driver)] = unsafe String(cString: text)
    }
    return texts
  }()
}
