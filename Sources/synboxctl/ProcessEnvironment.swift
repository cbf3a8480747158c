// The variables of the process.
#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

enum ProcessEnvironment {
  static var variables: [String: String] { ProcessInfo.processInfo.environment }
}
