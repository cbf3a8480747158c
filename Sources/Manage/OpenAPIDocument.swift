// docs/reference/openapi.json, which lies in the program.

public enum OpenAPIDocument {
  /// JSON.
  public static let text: [UInt8] = PackageResources.openapi_json
}
