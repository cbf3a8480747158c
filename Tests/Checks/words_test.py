"""The check for retired words finds them."""
import unittest

import words

GLOSSARY = r"""# Glossary

## Retired words

| retired | use |
|---|---|
| `octets?` | byte |
| `(go\|goes) on with` | resume |
"""


class Words(unittest.TestCase):
    def setUp(self):
        self.rows = words.retired(GLOSSARY)

    def found(self, text):
        return list(words.findings("f.md", text, self.rows))

    def test_names_the_place_the_word_and_its_replacement(self):
        self.assertEqual(self.found("one\ntwo Octets here\n"), ['f.md:2: "Octets": use byte'])

    def test_alternatives_are_written_with_an_escaped_bar(self):
        self.assertEqual(self.found("it goes on with it"), ['f.md:1: "goes on with": use resume'])

    def test_finds_every_one_of_a_line(self):
        self.assertEqual(len(self.found("octet octets, go on with")), 3)

    def test_leaves_longer_words_alone(self):
        self.assertEqual(self.found("octetstring and cargo on with"), [])

    def test_a_glossary_without_the_table_is_an_error(self):
        with self.assertRaises(ValueError):
            words.retired("\n## Retired words\n\nnone\n")

    def test_the_real_glossary_has_its_table(self):
        with open(words.GLOSSARY, encoding="utf-8") as file:
            self.assertGreater(len(words.retired(file.read())), 10)


if __name__ == "__main__":
    unittest.main()
