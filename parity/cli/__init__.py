"""The command ``parity``: one module per command."""
