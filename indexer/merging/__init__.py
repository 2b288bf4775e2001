"""Several indexes of one subject become one."""
