"""From bytes to scopes: names, the gate, suppressions, and the only door to libcst."""
