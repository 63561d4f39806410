"""Nothing of tiktoken: pyrasp imports it for a check that is off here."""
