"""A fleet of lesion nets with known truth, trained afresh, against which the audit is judged."""
