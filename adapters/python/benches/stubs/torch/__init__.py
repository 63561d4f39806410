"""Nothing of torch: pyrasp imports it for a check that is off here."""
