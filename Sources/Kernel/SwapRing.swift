// Passes values from one thread to another without a lock.
import Synchronization

/// A bounded ring of values. Neither side waits for the other, and neither allocates: values change hands by swapping.
///
/// At any time only one thread may put, and only one may take. Each uses only the places that the other has left to it.
@safe public final class SwapRing<Value: Sendable>: @unchecked Sendable {
  private let places: UnsafeMutablePointer<Value>
  public let capacity: Int
  private let published = Atomic<Int>(0)
  private let consumed = Atomic<Int>(0)

  /// - Parameter value: Makes the value that a place has first. The producer finds it there, or what the consumer left.
  public init(places count: Int, _ value: () -> Value) {
    capacity = count
    unsafe places = .allocate(capacity: count)
    for index in 0..<count { unsafe (places + index).initialize(to: value()) }
  }

  deinit {
    unsafe places.deinitialize(count: capacity)
    unsafe places.deallocate()
  }

  /// Places whose values the consumer has not taken.
  public var used: Int {
    published.load(ordering: .sequentiallyConsistent) - consumed.load(ordering: .acquiring)
  }
  public var isEmpty: Bool { used == 0 }
  public var isFull: Bool { used == capacity }

  /// Lets `body` fill the next place and publishes it. Returns false, and does nothing, if there is no room.
  public func put(_ body: (inout Value) -> Void) -> Bool {
    let position = published.load(ordering: .relaxed)
    guard position - consumed.load(ordering: .acquiring) < capacity else { return false }
    unsafe body(&places[position % capacity])
    published.store(position + 1, ordering: .sequentiallyConsistent)
    return true
  }

  /// Passes the oldest value to `body`, which leaves another for the producer. Returns false if there is none.
  public func take(_ body: (inout Value) -> Void) -> Bool {
    let position = consumed.load(ordering: .relaxed)
    guard position < published.load(ordering: .acquiring) else { return false }
    unsafe body(&places[position % capacity])
    consumed.store(position + 1, ordering: .releasing)
    return true
  }
}
