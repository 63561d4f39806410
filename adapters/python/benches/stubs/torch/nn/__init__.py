"""What pyrasp derives its model from, which is never made here."""


class Module:
    """Nothing."""
