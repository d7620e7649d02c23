"""serve and generate where the service was not built."""

from support import Case


class WithoutServe(Case):
    def test_says_so(self):
        self.fails("serve", says=["serve", "without gRPC"])
        self.fails("generate", says=["generate", "without gRPC"])
