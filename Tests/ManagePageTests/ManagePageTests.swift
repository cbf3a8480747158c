import Testing

@testable import ManagePage

private let text = String(decoding: ManagePage.page.html, as: UTF8.self)

@Suite(.timeLimit(.minutes(5))) struct `The page` {
  @Test func `is one small file in UTF-8`() {
    #expect(ManagePage.page.html.count < 100_000)
    #expect(text.utf8.count == ManagePage.page.html.count && !text.contains("\u{fffd}"))
    #expect(text.hasPrefix("<!doctype html>") && text.hasSuffix("</html>\n"))
  }

  /// What its Content-Security-Policy would block, or what could run text that the box reports.
  @Test func `has nothing that its policy forbids`() {
    let patterns = [
      #/\sstyle\s*=/#, #/\son[a-z]+\s*=\s*["']/#, #/\beval\b|new Function|javascript:/#,
      #/innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write/#,
      #/(?:src|href)="(?!data:|#)/#, #/@import|url\((?!#)/#,
    ]
    for pattern in patterns { #expect(text.firstMatch(of: pattern)?.0 == nil) }
  }

  @Test func `has one style and one script, which the policy names by their hashes`() {
    // printf abc | openssl dgst -sha256 -binary | base64
    let abc = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    // printf '' | openssl dgst -sha256 -binary | base64
    let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    let page = ManagePage(
      Array("<style>abc</style><script type=\"module\">abc</script><script></script>".utf8))
    #expect(
      page.contentSecurityPolicy
        == "default-src 'none'; script-src 'sha256-\(abc)' 'sha256-\(empty)'; style-src 'sha256-\(abc)'; img-src data:; "
        + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
    #expect(ManagePage.page.contentSecurityPolicy.matches(of: #/sha256-/#).count == 2)
    #expect(ManagePage(Array("<p>".utf8)).contentSecurityPolicy.contains("script-src 'none'"))
  }

  @Test func `has an entity tag that changes with it`() {
    #expect(ManagePage([1]).entityTag != ManagePage([2]).entityTag)
    #expect(ManagePage.page.entityTag.wholeMatch(of: #/"[0-9a-f]{32}"/#) != nil)
  }
}
