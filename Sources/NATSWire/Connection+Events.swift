// What a connection takes and gives.

extension Connection {
  /// Signs a nonce. Returns the public key's text and the signature as base64url; nil if it cannot.
  public typealias Signer = @Sendable (String) -> (publicKey: String, signature: String)?

  public struct Settings: Sendable {
    /// Shown by the server; a token of the inbox, too.
    public var name: String
    /// Of the client program.
    public var version: String
    public var requiresTLS: Bool
    /// nil for a connection without a key.
    public var sign: Signer?
    /// A random token, so that no other client guesses the inbox.
    public var inboxToken: String

    public init(
      name: String, version: String, requiresTLS: Bool, inboxToken: String,
      sign: Signer? = nil
    ) {
      self.name = name
      self.version = version
      self.requiresTLS = requiresTLS
      self.inboxToken = inboxToken
      self.sign = sign
    }
  }

  /// A message that wants one answer.
  public struct Request: Hashable, Sendable {
    public var subject: Subject
    public var headers: HeaderBlock?
    public var body: [UInt8]
    /// Nanoseconds from when it is sent. An answer that comes later is ignored.
    public var patience: UInt64

    public init(
      _ subject: Subject, headers: HeaderBlock? = nil, body: [UInt8] = [],
      patience: UInt64 = 3_000_000_000
    ) {
      self.subject = subject
      self.headers = headers
      self.body = body
      self.patience = patience
    }
  }

  public enum Event: Sendable {
    case received([UInt8])
    /// TLS is in place, with the server's name verified.
    case secured
    /// - Parameter number: the caller's, not used again on this connection, and not 1.
    case request(Request, number: UInt64)
    /// Messages to a pattern are wanted. Before the connection is ready, the subscription waits, and is in force by then.
    ///
    /// - Parameter number: like a request's.
    case subscribe(Subject, number: UInt64)
    /// Publishes an answer to a message's reply subject.
    case answer(to: String, headers: HeaderBlock? = nil, body: [UInt8])
    /// Time has passed.
    case tick
  }

  /// Why a request has no answer, or a subscription no messages. It says nothing about what the server did, except `refused` and `unheard`.
  public enum Failure: Error, Hashable, Sendable {
    /// It was not sent, and why.
    case refused(String)
    /// Nobody listens to its subject.
    case unheard
    /// Nothing came in time. With what the server last complained about, if it did.
    case late(String?)
    case disconnected(String)
  }

  public enum Effect: Hashable, Sendable {
    case send([UInt8])
    case startTLS
    /// Requests may come.
    case ready(ServerInfo)
    /// The server stops soon, or its cluster has changed: other servers to connect to.
    case moved(isLameDuck: Bool, servers: [String])
    case answered(UInt64, Message)
    case failed(UInt64, Failure)
    /// A message to the subscription of this number.
    case delivered(UInt64, Message)
    /// An answer was not sent, and why.
    case unsent(String)
    /// Nothing follows.
    case close(String)
  }
}
