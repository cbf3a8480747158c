// The version of the formats in which synbox stores its state.

/// The format of the files in a data directory: `job.json`, checkpoints, journals, `summary.json` and `status.json`.
///
/// Readers ignore fields they do not know and have defaults for missing ones, so a new field keeps the number. The
/// number rises when a field changes its meaning. docs/design/durability.md lists the formats.
public enum FileFormat {
  /// The format that this version writes. It reads this one and all before.
  public static let current: UInt64 = 2
}
