// The NIC profiles that were compiled in.
import CLinux

public enum EmbeddedProfiles {
  /// All of netconfig/: the text of each profile by its driver's name, `default` among them.
  public static let texts: [String: String] = {
    var texts: [String: String] = [:]
    while let profile = unsafe clinux_profile(texts.count) {
      let (driver, text) = unsafe (profile.pointee.driver!, profile.pointee.text!)
      unsafe texts[String(cString: driver)] = unsafe String(cString: text)
    }
    return texts
  }()
}
