"""What the tests of the page need of a box, from the stand-in or from the real programs."""

import pathlib

from stand_in import Box, Server, TOKENS


class StandIn:
    """The stand-in: 20,000 probes a second to whatever it is given, a result for every second one."""

    def __enter__(self):
        self.box = Box()
        self.server = Server(self.box)
        self.server.__enter__()
        self.url = self.server.url
        return self

    def __exit__(self, *_):
        self.server.__exit__()

    def token(self, role):
        return next(token for token, (_, its_role) in TOKENS.items() if its_role == role)

    def result_file(self, name):
        return self.box.files[name]["results.csv"]

    def put_into_spool(self, name, _):
        """Of a file with mistakes that an operator with a shell put there."""
        self.box.reject(name, f'{name}:2:12: found "33", expected a prefix length from 0 to 32\n')


def target_file(directory, name, text):
    path = pathlib.Path(directory) / name
    path.write_text(text)
    return path
