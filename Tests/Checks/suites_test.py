"""The check of suites and tests finds what breaks its rules."""
import unittest

import suites

GOOD = """@Suite(.serialized, .timeLimit(.minutes(1))) struct `A file` {
  @Test(arguments: ["(", "b"]) func `is rejected`(_ text: String) {}
}
"""


class Suites(unittest.TestCase):
    def found(self, text):
        return [message.split(": ", 1) for message in suites.findings("T.swift", text)]

    def test_accepts_what_keeps_the_rules(self):
        self.assertEqual(self.found(GOOD), [])

    def test_patterns_of_make_lab(self):
        tests = list(suites.names("Tests/T/F.swift", GOOD))
        self.assertEqual(tests, ["T.`A file`/`is rejected`"])
        self.assertEqual(list(suites.unmatched("# A comment.\nA file.*is rej\nA fil.*is taken\n", tests)), ["A fil.*is taken"])

    def test_a_suite_without_a_time_limit(self):
        self.assertEqual(
            self.found("\n@Suite(.serialized) struct `A` {}\n"), [["T.swift:2", "the suite has no .timeLimit"]])
        self.assertEqual(len(self.found("@Suite struct `A` {}\n")), 1)

    def test_a_time_limit_of_a_test_is_not_the_suites(self):
        self.assertEqual(len(self.found("@Suite struct `A` {\n  @Test(.timeLimit(.minutes(1))) func `b`() {}\n}")), 1)

    def test_a_test_with_a_plain_name(self):
        text = GOOD.replace("func `is rejected`", "func isRejected")
        self.assertEqual(self.found(text)[0][0], "T.swift:2")
        self.assertIn("raw identifier", self.found(text)[0][1])

    def test_a_test_outside_a_suite(self):
        self.assertIn("outside", self.found(GOOD + "@Test func `b`() {}\n")[0][1])
        self.assertIn("outside", self.found("struct A {\n  @Test func `b`() {}\n}\n")[0][1])

    def test_a_backslash_ends_a_raw_string(self):
        self.assertEqual(self.found(GOOD.replace('"("', '#"\\"#, "("')), [])

    def test_comments_do_not_count(self):
        self.assertEqual(self.found("// @Suite and @Test are attributes\n" + GOOD), [])


if __name__ == "__main__":
    unittest.main()
